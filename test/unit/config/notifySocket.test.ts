import { describe, expect, it } from 'vitest';
import { mountEntries } from '../../../src/config/mounts/entry.ts';
import { planMounts } from '../../../src/config/mounts.ts';
import { planNotifyDirectory } from '../../../src/config/notifySocket.ts';
import { containerEnvironment } from '../../../src/config/process/env.ts';
import { buildPlan } from '../../../src/plan/build.ts';
import { formatPlanText } from '../../../src/plan/print.ts';
import { planMountPoints } from '../../../src/plan/restore.ts';
import { CREATE } from '../../../src/plan/sequence.ts';
import { formatFault } from '../../../src/wire/blame.ts';
import { contextOf, opsOf, outline, specOf } from '../context.ts';

const spec = specOf({
  process: { cwd: '/', args: ['sh'], env: ['NOTIFY_SOCKET=/elsewhere', 'A=1'] },
  mounts: [{ destination: '/run', type: 'tmpfs', source: 'tmpfs' }],
  linux: { namespaces: [{ type: 'mount' }] },
});
const asked = contextOf(spec, { options: { notify: true } });

describe('NOTIFY_SOCKET', () => {
  it('makes a directory of the state directory, which everybody may enter', () => {
    expect(opsOf(planNotifyDirectory(asked))).toEqual([
      { call: 'mkdir', path: '/run/tsrun/web/notify', mode: 0o755 },
    ]);
  });
  it('binds it behind all mounts of the config, and blames what fails on the variable', () => {
    const last = mountEntries(asked).at(-1);
    expect(last).toMatchObject({
      origin: '$NOTIFY_SOCKET',
      destination: '/run/notify',
      source: '/run/tsrun/web/notify',
    });
    const steps = planMounts(asked);
    expect(outline(steps).slice(-2)).toEqual([
      'init open_tree_attr $NOTIFY_SOCKET',
      'init attach $NOTIFY_SOCKET',
    ]);
    const attach = steps.at(-1);
    const fault = { step: 0, errno: 20, detail: '' };
    expect(attach && formatFault(attach, fault, spec)).toMatch(/^NOTIFY_SOCKET: attach: ENOTDIR/);
  });
  it('is the container’s, in place of the config’s', () => {
    expect(containerEnvironment(asked)).toEqual(['A=1', 'NOTIFY_SOCKET=/run/notify/notify.sock']);
  });
  it('is made before it is mounted, by create and by restore', () => {
    const bare = contextOf(specOf({}), { options: { notify: true } });
    const mkdir = /mkdir\(path="\/run\/tsrun\/web\/notify"/;
    for (const plan of [buildPlan(CREATE, asked), planMountPoints(bare)]) {
      const text = formatPlanText(plan);
      expect(text.search(mkdir)).toBeGreaterThan(0);
      expect(text.search(mkdir)).toBeLessThan(text.search(/open.*"\/run\/tsrun\/web\/notify"/));
    }
  });
  it('unset, leaves no trace in the plan', () => {
    const plain = contextOf(spec);
    expect(formatPlanText(buildPlan(CREATE, plain))).not.toMatch(/\$NOTIFY_SOCKET|\/notify/);
    expect(containerEnvironment(plain)).toContain('NOTIFY_SOCKET=/elsewhere');
  });
});
