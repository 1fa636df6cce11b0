/** SELinux's labels on a host without SELinux: what cannot be confined as asked is not run. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isTsrun, useContainers } from './runtime.ts';

const t = useContainers();
const LABEL = 'system_u:system_r:container_t:s0:c1,c2';

describe.skipIf(existsSync('/sys/fs/selinux/enforce'))('SELinux on a host without it', () => {
  it('process.selinuxLabel is refused, and nothing is run', () => {
    const { status, stdout, stderr } = t.sh('echo ran', (config) => {
      config.process.selinuxLabel = LABEL;
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.toLowerCase()).toContain('selinux');
    if (isTsrun) expect(stderr).toContain('process.selinuxLabel');
  });
  // runc does not look at these two.
  it.runIf(isTsrun)('exec --process-label is refused, and nothing is run', () => {
    const { id } = t.create((config) => {
      config.process.args = ['sleep', '60'];
    });
    t.call(['start', id]);
    const exec = t.call(['exec', '--process-label', LABEL, id, 'echo', 'ran']);
    expect(exec).toMatchObject({ status: 255, stdout: '' });
    expect(exec.stderr).toContain('process.selinuxLabel');
  });
  it.runIf(isTsrun)('linux.mountLabel is refused, and nothing is run', () => {
    const { status, stdout, stderr } = t.sh('echo ran', (config) => {
      config.linux.mountLabel = 'system_u:object_r:container_file_t:s0:c1,c2';
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('linux.mountLabel');
  });
});
