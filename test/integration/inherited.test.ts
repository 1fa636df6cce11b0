/** What a container may have of its caller's: descriptors of socket activation, the session keyring. */
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { isTsrun, useContainers } from './runtime.ts';

const t = useContainers();

describe('socket activation', () => {
  /** The runtime is started as systemd starts a service; `pid` is what LISTEN_PID says. */
  const activated = (pid: string, script: string, more = '') =>
    t.sh(script, () => {}, activation(`LISTEN_FDS=1 LISTEN_PID=${pid} ${more}`));
  const activation = (variables: string) => {
    const file = join(t.newDirectory(), 'socket');
    writeFileSync(file, 'given\n');
    const prefix = ['sh', '-c', `${variables} exec "$@"`, 'activate'];
    return { prefix, descriptors: [openSync(file, 'r')] };
  };
  it('LISTEN_FDS descriptors from 3 on are handed on, and LISTEN_PID names the new process', () => {
    const { stdout } = activated('$$', 'cat <&3; echo $LISTEN_FDS $LISTEN_PID $$');
    expect(stdout).toBe('given\n1 1 1\n');
  });
  // runc 1.1.5 drops the names, and hands on descriptors of its own for those that are not open.
  it.runIf(isTsrun)('LISTEN_FDNAMES is handed on', () => {
    const { stdout } = activated('$$', 'echo $LISTEN_FDNAMES', 'LISTEN_FDNAMES=front');
    expect(stdout).toBe('front\n');
  });
  it.runIf(isTsrun)('more descriptors than are open are refused', () => {
    const { status, stderr } = t.sh('true', () => {}, activation('LISTEN_FDS=2 LISTEN_PID=$$'));
    expect(status).toBe(1);
    expect(stderr).toContain('descriptor 4: it is not open');
  });
  it('is not for a process that joins', () => {
    const { id } = t.create((config) => {
      config.process.args = ['sleep', '30'];
    });
    t.call(['start', id]);
    const script = 'echo "$LISTEN_FDS"; cat <&3 2>&1 | grep -c given';
    const joined = t.call(
      ['exec', id, 'sh', '-c', script],
      activation('LISTEN_FDS=1 LISTEN_PID=$$'),
    );
    expect(joined.stdout).toBe('\n0\n');
  });
  it('meant for another process is none of ours', () => {
    const { stdout } = activated('1', 'echo "$LISTEN_FDS"; cat <&3 2>&1 | grep -c given');
    expect(stdout).toBe('\n0\n');
  });
});

describe('session keyring', () => {
  const keyrings = (id: string, flags: readonly string[]): string => {
    const edit = (config: Config) => {
      config.process.args = ['cat', '/proc/keys'];
      config.linux.maskedPaths = [];
    };
    return t.call(['run', ...flags, '--bundle', t.bundle(edit), id]).stdout;
  };
  it('is a new one that is named for the container; with --no-new-keyring it is the caller’s', () => {
    const [own, shared] = [t.newId(), t.newId()];
    expect(keyrings(own, [])).toContain(`_ses.${own}`);
    expect(keyrings(shared, ['--no-new-keyring'])).not.toContain(`_ses.${shared}`);
  });
});
