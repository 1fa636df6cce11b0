/** What a container may have of its caller's: descriptors of socket activation, the session keyring. */
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { useContainers } from './runtime.ts';

const t = useContainers();

describe('socket activation', () => {
  /** The runtime is started as systemd starts a service; `pid` is what LISTEN_PID says. */
  const activated = (pid: string, script: string) => {
    const file = join(t.newDirectory(), 'socket');
    writeFileSync(file, 'given\n');
    const environment = `LISTEN_FDS=1 LISTEN_PID=${pid} exec "$@"`;
    return t.sh(script, () => {}, {
      prefix: ['sh', '-c', environment, 'activate'],
      descriptors: [openSync(file, 'r')],
    });
  };
  it('LISTEN_FDS descriptors from 3 on are handed on, and LISTEN_PID names the new process', () => {
    const { stdout } = activated('$$', 'cat <&3; echo $LISTEN_FDS $LISTEN_PID $$');
    expect(stdout).toBe('given\n1 1 1\n');
  });
  it('meant for another process is none of ours', () => {
    const { stdout } = activated('1', 'echo "$LISTEN_FDS"; ls /proc/$$/fd | grep -cx 3');
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
