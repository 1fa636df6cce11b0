/** process: what the container's process finds itself to be, read from its own /proc. */
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addUserNamespace } from './config.ts';
import { fields, isTsrun, useContainers } from './runtime.ts';

const t = useContainers();
const status = (edit: Parameters<typeof t.sh>[1]) => {
  const result = t.sh('cat /proc/self/status', edit);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return fields(result.stdout);
};

describe('process.args, process.env', () => {
  it('reach the program as they are', () => {
    const args = ['printf', '[%s]', '', 'a b', '$HOME', 'ünï', "'quoted'", 'line\nbreak'];
    const { stdout } = t.run((config) => {
      config.process.args = args;
    });
    expect(stdout).toBe("[][a b][$HOME][ünï]['quoted'][line\nbreak]");
  });
  it('the environment is what config.json says, in its order, and a home directory', () => {
    const { stdout } = t.run((config) => {
      config.process.args = ['cat', '/proc/self/environ'];
      config.process.env = ['PATH=/bin', 'B=2', 'A=1', 'EMPTY=', 'LINES=one\ntwo'];
    });
    const environment = stdout.split('\0');
    expect(environment.slice(0, 5)).toEqual([
      'PATH=/bin',
      'B=2',
      'A=1',
      'EMPTY=',
      'LINES=one\ntwo',
    ]);
    expect(environment.slice(5)).toEqual(['HOME=/root', '']);
  });
  it("HOME is the user's of /etc/passwd, or / when it is not there", () => {
    const home = (uid: number) =>
      t.sh('echo $HOME', (config) => {
        config.process.user = { uid, gid: 0 };
      }).stdout;
    expect(home(1000)).toBe('/home\n');
    expect(home(4321)).toBe('/\n');
  });
  it('HOME of config.json stays', () => {
    const { stdout } = t.sh('echo $HOME', (config) => {
      config.process.env.push('HOME=/mine');
    });
    expect(stdout).toBe('/mine\n');
  });
  it("the program is looked up in the container's PATH", () => {
    const rootfs = t.freshRootfs();
    mkdirSync(join(rootfs, 'only/here'), { recursive: true });
    writeFileSync(join(rootfs, 'only/here/tool'), '#!/bin/sh\necho found $0\n', { mode: 0o755 });
    const { stdout } = t.run((config) => {
      config.root.path = rootfs;
      config.process.args = ['tool'];
      config.process.env = ['PATH=/bin:/only/here'];
    });
    expect(stdout).toBe('found /only/here/tool\n');
  });
  it('a program with a slash is relative to cwd', () => {
    const { stdout } = t.run((config) => {
      config.process.cwd = '/bin';
      config.process.args = ['./echo', 'relative'];
    });
    expect(stdout).toBe('relative\n');
  });
});

describe('process.cwd', () => {
  it('is where the process starts', () => {
    const { stdout } = t.sh('pwd; readlink /proc/self/cwd', (config) => {
      config.process.cwd = '/etc';
    });
    expect(stdout).toBe('/etc\n/etc\n');
  });
  it('is made when it is missing', () => {
    const { stdout, stderr } = t.sh('pwd; stat -c %a .', (config) => {
      config.root.path = t.freshRootfs();
      config.process.cwd = '/made/for/it';
    });
    expect({ stdout, stderr }).toEqual({ stdout: '/made/for/it\n755\n', stderr: '' });
  });
  it('refuses a relative one', () => {
    const result = t.run((config) => {
      config.process.cwd = 'relative';
    });
    expect(result.status).toBe(1);
    expect(result.stderr.toLowerCase()).toContain('cwd');
  });
  it("may be a directory only the process's user can enter", () => {
    const rootfs = t.freshRootfs();
    const path = join(rootfs, 'private');
    mkdirSync(path);
    chmodSync(path, 0o700);
    const { stdout } = t.sh('pwd', (config) => {
      config.root.path = rootfs;
      config.process.cwd = '/private';
      config.process.user = { uid: 1000, gid: 1000 };
    });
    expect(stdout).toBe('/private\n'); // entered as root, before the user changes
  });
});

describe('process.user', () => {
  it('sets all ids and groups', () => {
    const found = status((config) => {
      config.process.user = { uid: 1000, gid: 100, additionalGids: [5, 20, 2000000000] };
    });
    expect(found).toMatchObject({
      Uid: '1000\t1000\t1000\t1000',
      Gid: '100\t100\t100\t100',
    });
    expect(found['Groups']?.split(' ')).toEqual(['5', '20', '2000000000']);
  });
  it("leaves none of the runtime's groups", () => {
    expect(status(undefined)['Groups']).toBe('');
  });
  it('umask, 0022 when it is absent', () => {
    expect(
      status((config) => {
        config.process.user = { uid: 0, gid: 0, umask: 0o27 };
      })['Umask'],
    ).toBe('0027');
    expect(status(undefined)['Umask']).toBe('0022');
  });
  it('can write to its standard output and open it again', () => {
    const result = t.sh('echo again > /proc/self/fd/1', (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
    });
    expect(result).toEqual({ status: 0, stdout: 'again\n', stderr: '' });
  });
});

describe('process.capabilities', () => {
  const mask = (...bits: number[]) =>
    bits
      .reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)
      .toString(16)
      .padStart(16, '0');
  const CHOWN = 0;
  const KILL = 5;
  const NET_RAW = 13;

  it('are the five sets, each as asked for', () => {
    expect(
      status((config) => {
        config.process.capabilities = {
          bounding: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_RAW'],
          permitted: ['CAP_CHOWN', 'CAP_KILL'],
          effective: ['CAP_KILL'],
          inheritable: ['CAP_KILL'],
          ambient: ['CAP_KILL'],
        };
        config.process.user = { uid: 1000, gid: 1000 };
      }),
    ).toMatchObject({
      CapBnd: mask(CHOWN, KILL, NET_RAW),
      // Behind execve(2) of a program without file capabilities only the ambient set counts.
      CapPrm: mask(KILL),
      CapEff: mask(KILL),
      CapInh: mask(KILL),
      CapAmb: mask(KILL),
    });
  });
  it('of root are what the bounding set leaves', () => {
    expect(
      status((config) => {
        const sets = ['CAP_CHOWN', 'CAP_NET_RAW'];
        config.process.capabilities = { bounding: sets, permitted: sets, effective: sets };
      }),
    ).toMatchObject({
      CapBnd: mask(CHOWN, NET_RAW),
      CapPrm: mask(CHOWN, NET_RAW),
      CapEff: mask(CHOWN, NET_RAW),
      CapInh: mask(),
      CapAmb: mask(),
    });
  });
  it('none at all', () => {
    expect(
      status((config) => {
        config.process.capabilities = {};
      }),
    ).toMatchObject({ CapBnd: mask(), CapPrm: mask(), CapEff: mask(), CapAmb: mask() });
  });
  it('in a user namespace', () => {
    expect(
      status((config) => {
        addUserNamespace(config);
        const sets = ['CAP_CHOWN'];
        config.process.capabilities = { bounding: sets, permitted: sets, effective: sets };
      }),
    ).toMatchObject({ CapBnd: mask(CHOWN), CapEff: mask(CHOWN) });
  });
});

describe('process.noNewPrivileges', () => {
  it.each([true, false])('%s', (value) => {
    const found = status((config) => {
      config.process.noNewPrivileges = value;
    });
    expect(found['NoNewPrivs']).toBe(value ? '1' : '0');
  });
});

describe('process.rlimits', () => {
  it('are set, soft and hard', () => {
    const { stdout } = t.sh('cat /proc/self/limits', (config) => {
      config.process.rlimits = [
        { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
        { type: 'RLIMIT_CORE', soft: 0, hard: 4096 },
        { type: 'RLIMIT_STACK', soft: 1048576, hard: 2097152 },
      ];
    });
    expect(stdout).toMatch(/^Max open files +100 +200 /m);
    expect(stdout).toMatch(/^Max core file size +0 +4096 /m);
    expect(stdout).toMatch(/^Max stack size +1048576 +2097152 /m);
  });
  it('2^64-1 is unlimited', () => {
    const unlimited = 18446744073709551615n as unknown as number;
    const { stdout, stderr } = t.sh('cat /proc/self/limits', (config) => {
      config.process.rlimits = [{ type: 'RLIMIT_CPU', soft: unlimited, hard: unlimited }];
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Max cpu time +unlimited +unlimited /m);
  });
  it.each([
    ['an unknown type', [{ type: 'RLIMIT_NOSUCH', soft: 1, hard: 1 }]],
    ['a soft limit above the hard one', [{ type: 'RLIMIT_CORE', soft: 2, hard: 1 }]],
    [
      'the same type twice',
      [
        { type: 'RLIMIT_CORE', soft: 1, hard: 1 },
        { type: 'RLIMIT_CORE', soft: 2, hard: 2 },
      ],
    ],
  ])('refuses %s', (what, rlimits) => {
    if (what === 'the same type twice' && !isTsrun) return; // runc takes the last
    const result = t.run((config) => {
      config.process.rlimits = rlimits as never;
    });
    expect(result.status).toBe(1);
    expect(result.stdout).toBe('');
    expect(result.stderr).not.toBe('');
  });
});

describe('process.oomScoreAdj', () => {
  it('is set', () => {
    const { stdout } = t.sh('cat /proc/self/oom_score_adj', (config) => {
      config.process.oomScoreAdj = 555;
    });
    expect(stdout).toBe('555\n');
  });
  it('is left as it is when it is absent', () => {
    const own = readFileSync('/proc/self/oom_score_adj', 'utf8');
    expect(t.sh('cat /proc/self/oom_score_adj').stdout).toBe(own);
  });
});

// Properties of runtime-spec 1.1 and later, which runc 1.1.5 does not know.
describe.runIf(isTsrun)('properties of runtime-spec 1.1', () => {
  it('process.scheduler: policy and nice', () => {
    const { stdout, stderr } = t.sh('cat /proc/self/stat', (config) => {
      config.process.scheduler = { policy: 'SCHED_BATCH', nice: 5 };
    });
    expect(stderr).toBe('');
    const stat = stdout
      .slice(stdout.lastIndexOf(')') + 2)
      .trim()
      .split(' ');
    expect(stat[16]).toBe('5'); // nice, field 19
    expect(stat[38]).toBe('3'); // policy, field 41: SCHED_BATCH
  });
  it('process.ioPriority', () => {
    const { stdout, stderr } = t.sh('ionice -p 1', (config) => {
      config.process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 6 };
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'best-effort: prio 6\n', stderr: '' });
  });
  it('linux.personality', () => {
    const { stdout, stderr } = t.sh('cat /proc/self/personality; uname -m', (config) => {
      config.linux.personality = { domain: 'LINUX32' };
    });
    expect({ stdout, stderr }).toEqual({ stdout: '00000008\ni686\n', stderr: '' });
  });
});

describe('the process', () => {
  it('has the descriptors 0, 1 and 2 and no others', () => {
    // 3 is what ls reads the directory through.
    expect(t.sh('ls /proc/self/fd').stdout).toBe('0\n1\n2\n3\n');
  });
  it('gets --preserve-fds from 3 up, and none beyond them', () => {
    const file = join(t.newDirectory(), 'handed-down');
    writeFileSync(file, 'through a descriptor\n');
    const bundle = t.bundle((config) => {
      // 5 is what ls reads the directory through.
      config.process.args = ['sh', '-c', 'cat <&4; exec ls /proc/self/fd'];
    });
    const open = [openSync('/dev/zero', 'r'), openSync(file, 'r'), openSync('/dev/zero', 'r')];
    const args = ['run', '--preserve-fds', '2', '--bundle', bundle, t.newId()];
    const result = t.call(args, { descriptors: open });
    for (const fd of open) closeSync(fd);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toBe('through a descriptor\n0\n1\n2\n3\n4\n5\n');
  });
  it('has a session of its own and no controlling terminal', () => {
    const { stdout } = t.sh('cat /proc/1/stat');
    const stat = stdout.slice(stdout.lastIndexOf(')') + 2).split(' ');
    expect(stat[3]).toBe('1'); // session, field 6
    expect(stat[4]).toBe('0'); // tty_nr
  });
  it('has no blocked signals, and SIGPIPE is not ignored as Node ignores it for itself', () => {
    const found = fields(t.sh('cat /proc/self/status').stdout);
    expect(found['SigBlk']).toBe('0'.repeat(16));
    expect(BigInt(`0x${found['SigIgn']}`) & (1n << 12n)).toBe(0n);
    expect(t.sh('yes | head -n 1').stdout).toBe('y\n');
  });
  it('has no ignored signals, whatever who called the runtime ignored', () => {
    const bundle = t.bundle((config) => {
      config.process.args = ['cat', '/proc/self/status'];
    });
    const prefix = ['sh', '-c', 'trap "" USR1 TERM WINCH RTMIN+5; exec "$@"', 'sh'];
    const found = fields(t.call(['run', '--bundle', bundle, t.newId()], { prefix }).stdout);
    expect(found['SigIgn']).toBe('0'.repeat(16));
  });
  // runc 1.1.5 leaves it as it is.
  it.runIf(isTsrun)('may use every CPU, even where the runtime was bound to one', () => {
    const bundle = t.bundle((config) => {
      config.process.args = ['cat', '/proc/self/status'];
    });
    const run = ['run', '--bundle', bundle];
    const free = fields(t.call([...run, t.newId()]).stdout);
    const bound = fields(t.call([...run, t.newId()], { prefix: ['taskset', '1'] }).stdout);
    expect(bound['Cpus_allowed_list']).toBe(free['Cpus_allowed_list']);
    expect(bound['Cpus_allowed_list']).toBe(
      fields(readFileSync('/proc/1/status', 'utf8'))['Cpus_allowed_list'],
    );
  });
});
