/** `tsrun restore`. */
import { restore as restoreContainer } from '../container/restore.ts';
import { creationOf } from './creation.ts';
import { criuRequestOf } from './criuFlags.ts';
import type { Invocation } from './invocation.ts';

export function restore(invocation: Invocation): void {
  const { values } = invocation;
  const [lsmProfile, lsmMountContext] = ['lsm-profile', 'lsm-mount-context'].map(
    (flag) => values.text(flag) || undefined,
  );
  restoreContainer({
    ...criuRequestOf(invocation),
    creation: creationOf(invocation),
    detach: values.isSet('detach'),
    noSubreaper: values.isSet('no-subreaper'),
    tcpClose: values.isSet('tcp-close'),
    ...(lsmProfile === undefined ? {} : { lsmProfile }),
    ...(lsmMountContext === undefined ? {} : { lsmMountContext }),
  });
}
