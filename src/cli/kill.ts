/** `tsrun kill`: the signal is a name or a number, SIGTERM when none is given. */
import { kill as killContainer } from '../container/kill.ts';
import { invalidSignal } from '../errors.ts';
import { parseSignal } from '../linux/constants/signals.ts';
import { type Invocation, idOf } from './invocation.ts';

export function kill(invocation: Invocation): void {
  const { args, globals, values } = invocation;
  const text = args[1] ?? 'SIGTERM';
  const signal = parseSignal(text);
  if (signal === undefined) throw invalidSignal(text);
  killContainer(globals.root, idOf(invocation), signal, values.isSet('all'));
}
