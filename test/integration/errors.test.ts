/** A config.json that is wrong: every property says so itself, and nothing is left behind. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baseConfig, toJson } from './config.ts';
import { cgroupsOf, isTsrun, useContainers } from './runtime.ts';

const t = useContainers();

/** A property, the value that breaks it (undefined removes it), and another property to be named. */
type Row = readonly [path: string, value: unknown, named?: string];

const mapping = (containerID: unknown, hostID: unknown, size: unknown) => [
  { containerID, hostID, size },
];
const rlimit = (type: unknown, soft: unknown, hard: unknown) => [{ type, soft, hard }];

const MALFORMED: readonly Row[] = [
  ['ociVersion', undefined],
  ['ociVersion', 1],
  ['ociVersion', 'one'],
  ['ociVersion', '2.0.0'],
  ['root', undefined],
  ['root', 'rootfs'],
  ['root.path', undefined],
  ['root.path', ''],
  ['root.path', '/no/such/rootfs'],
  ['root.readonly', 'yes'],
  ['hostname', 7],
  ['hostname', 'x'.repeat(65)],
  ['domainname', ['a']],
  ['domainname', 'x'.repeat(65)],
  ['annotations', ['a']],
  ['annotations', { key: 1 }, 'annotations'],
  ['process.args', undefined],
  ['process.args', []],
  ['process.args', 'sh'],
  ['process.args[0]', 5],
  ['process.args[0]', 'with\0nul'],
  ['process.env', 'A=1'],
  ['process.env[0]', 'no-equals-sign'],
  ['process.env[0]', 'WITH=\0nul'],
  ['process.env[0]', null],
  ['process.cwd', undefined],
  ['process.cwd', ''],
  ['process.cwd', 'relative/path'],
  ['process.terminal', 'true'],
  ['process.consoleSize', { height: 10 }, 'process.consoleSize'],
  ['process.consoleSize', { height: -1, width: 10 }, 'process.consoleSize.height'],
  ['process.user.uid', -1],
  ['process.user.uid', 'root'],
  ['process.user.uid', 4294967296],
  ['process.user.gid', 1.5],
  ['process.user.umask', '022'],
  ['process.user.additionalGids', 5],
  ['process.user.additionalGids', [-5], 'process.user.additionalGids[0]'],
  ['process.capabilities', ['CAP_KILL']],
  ['process.capabilities.bounding', 'CAP_KILL'],
  ['process.capabilities.bounding[0]', 7],
  ['process.rlimits', rlimit('RLIMIT_NOSUCH', 1, 1), 'process.rlimits[0].type'],
  ['process.rlimits', rlimit('RLIMIT_CORE', 2, 1), 'process.rlimits[0]'],
  ['process.rlimits', rlimit('RLIMIT_CORE', -1, 1), 'process.rlimits[0].soft'],
  ['process.rlimits', rlimit('RLIMIT_CORE', 1, 1.5), 'process.rlimits[0].hard'],
  ['process.rlimits', [{ type: 'RLIMIT_CORE', soft: 1 }], 'process.rlimits[0]'],
  [
    'process.rlimits',
    [...rlimit('RLIMIT_CORE', 1, 1), ...rlimit('RLIMIT_CORE', 2, 2)],
    'process.rlimits[1]',
  ],
  ['process.rlimits', rlimit('RLIMIT_CORE', 18446744073709551616n, 1), 'process.rlimits[0].soft'],
  ['process.noNewPrivileges', 1],
  ['process.oomScoreAdj', 1001],
  ['process.oomScoreAdj', -1001],
  ['process.oomScoreAdj', '5'],
  ['process.scheduler', { policy: 'SCHED_NOSUCH' }, 'process.scheduler.policy'],
  ['process.scheduler', {}, 'process.scheduler'],
  ['process.scheduler', { policy: 'SCHED_OTHER', nice: 40 }, 'process.scheduler.nice'],
  ['process.ioPriority', { class: 'IOPRIO_CLASS_NOSUCH', priority: 1 }, 'process.ioPriority.class'],
  ['process.ioPriority', { class: 'IOPRIO_CLASS_BE', priority: 8 }, 'process.ioPriority.priority'],
  ['mounts', {}],
  ['mounts[0].destination', undefined, 'mounts[0]'],
  ['mounts[0].destination', 5],
  ['mounts[1].options', 'nosuid'],
  ['mounts[1].options[0]', 1],
  ['mounts[1].options[0]', 'no_such_option', 'mounts[1]'],
  ['mounts[0].type', 'nosuchfs', 'mounts[0]'],
  ['mounts[5]', { destination: '/mnt', type: 'bind', source: '/no/such', options: ['bind'] }],
  ['mounts[5]', { destination: '/proc/sys', type: 'bind', source: '/tmp', options: ['bind'] }],
  ['mounts[5]', { destination: '/', type: 'tmpfs', source: 'tmpfs' }],
  ['hooks', []],
  ['hooks.createRuntime', {}],
  ['hooks.createRuntime', [{}], 'hooks.createRuntime[0]'],
  ['hooks.createRuntime', [{ path: 'relative' }], 'hooks.createRuntime[0].path'],
  ['hooks.createRuntime', [{ path: '/no/such/hook' }], 'hooks.createRuntime[0]'],
  ['hooks.createRuntime', [{ path: '/bin/false' }], 'hooks.createRuntime[0]'],
  ['hooks.prestart', [{ path: '/bin/true', timeout: 0 }], 'hooks.prestart[0].timeout'],
  ['hooks.prestart', [{ path: '/bin/true', timeout: -5 }], 'hooks.prestart[0].timeout'],
  ['hooks.createContainer', [{ path: '/bin/true', args: 'x' }], 'hooks.createContainer[0].args'],
  ['hooks.startContainer', [{ path: '/bin/true', env: 'X=1' }], 'hooks.startContainer[0].env'],
  ['linux', 'yes'],
  ['linux.namespaces', { type: 'pid' }],
  ['linux.namespaces[0].type', 'quantum'],
  ['linux.namespaces[0].type', 'network', 'linux.namespaces'],
  ['linux.namespaces[0].path', 'relative'],
  ['linux.namespaces[0].path', '/no/such/namespace', 'linux.namespaces[0]'],
  ['linux.namespaces[0].path', '/proc/self/ns/net', 'linux.namespaces[0]'],
  ['linux.namespaces[3]', { type: 'cgroup' }, 'hostname'], // instead of uts
  ['linux.uidMappings', mapping(0, 100000, 1), 'linux.uidMappings'],
  ['linux.gidMappings', mapping(0, 100000, 1), 'linux.gidMappings'],
  ['linux.namespaces[5]', { type: 'user' }, 'linux.uidMappings'],
  ['linux.uidMappings', mapping(0, -1, 1), 'linux.uidMappings[0].hostID'],
  ['linux.uidMappings', mapping('0', 1, 1), 'linux.uidMappings[0].containerID'],
  ['linux.timeOffsets', { boottime: { secs: 1 } }, 'linux.timeOffsets'],
  ['linux.timeOffsets', { boottime: { secs: 'x' } }, 'linux.timeOffsets.boottime.secs'],
  ['linux.devices', [{ path: '/dev/x', major: 1, minor: 1 }], 'linux.devices[0]'],
  ['linux.devices', [{ path: '/dev/x', type: 'q' }], 'linux.devices[0].type'],
  ['linux.devices', [{ path: 'x', type: 'c', major: 1, minor: 3 }], 'linux.devices[0].path'],
  [
    'linux.devices',
    [{ path: '/dev/x', type: 'c', major: 'x', minor: 3 }],
    'linux.devices[0].major',
  ],
  ['linux.cgroupsPath', 5],
  ['linux.resources', []],
  ['linux.resources.memory', { limit: 'lots' }, 'linux.resources.memory.limit'],
  ['linux.resources.memory', { limit: 1.5 }, 'linux.resources.memory.limit'],
  ['linux.resources.cpu', { shares: -5 }, 'linux.resources.cpu.shares'],
  ['linux.resources.cpu', { cpus: 5 }, 'linux.resources.cpu.cpus'],
  ['linux.resources.cpu', { cpus: '4000' }, 'linux.resources.cpu.cpus'],
  ['linux.resources.cpu', { period: 1 }, 'linux.resources.cpu.period'],
  ['linux.resources.pids', { limit: 'x' }, 'linux.resources.pids.limit'],
  ['linux.resources.devices', [{ access: 'r' }], 'linux.resources.devices[0]'],
  ['linux.resources.devices', [{ allow: true, access: 'q' }], 'linux.resources.devices[0].access'],
  ['linux.resources.devices', [{ allow: true, type: 'z' }], 'linux.resources.devices[0].type'],
  ['linux.sysctl', { 'vm.swappiness': '1' }, 'linux.sysctl'],
  ['linux.sysctl', { 'net.ipv4.no_such': '1' }, 'linux.sysctl'],
  ['linux.sysctl', { 'net.ipv4.ip_forward': 1 }, 'linux.sysctl'],
  ['linux.rootfsPropagation', 'sideways'],
  ['linux.maskedPaths', '/proc/kcore'],
  ['linux.maskedPaths', ['relative'], 'linux.maskedPaths[0]'],
  ['linux.readonlyPaths', [5], 'linux.readonlyPaths[0]'],
  ['linux.readonlyPaths', ['relative'], 'linux.readonlyPaths[0]'],
  ['linux.personality', { domain: 'WINDOWS' }, 'linux.personality.domain'],
  ['linux.seccomp', {}, 'linux.seccomp'],
  ['linux.seccomp', { defaultAction: 'SCMP_ACT_MAYBE' }, 'linux.seccomp.defaultAction'],
];

/** Sets what a path like `process.rlimits[0].soft` names; the way there exists or is made. */
function set(root: object, path: string, value: unknown): void {
  const keys = path.split(/[.[\]]+/).filter((key) => key !== '');
  const last = keys.pop() ?? '';
  let object = root as Record<string, unknown>;
  for (const key of keys) {
    object[key] ??= {};
    object = object[key] as Record<string, unknown>;
  }
  if (value === undefined) delete object[last];
  else object[last] = value;
}

function malformed(path: string, value: unknown): string {
  const bundle = t.newDirectory();
  const config = baseConfig(t.rootfs, `TSRUN_TEST=${t.mark}`);
  set(config, path, value);
  writeFileSync(join(bundle, 'config.json'), toJson(config));
  return bundle;
}

const nothingIsLeft = (id: string) => {
  expect(readdirSync(t.stateRoot)).toEqual([]);
  expect(cgroupsOf(id)).toEqual([]);
};

// runc takes most of these, or reports them without the property.
describe.runIf(isTsrun)('a malformed config.json', () => {
  it('comes in a hundred kinds', () => {
    expect(MALFORMED.length).toBeGreaterThanOrEqual(100);
  });
  it.each(
    MALFORMED.map(([path, value, named]) => ({
      path,
      value: toJson(value ?? null),
      row: [path, value, named] as Row,
    })),
  )('$path: $value', ({ row: [path, value, named] }) => {
    const id = t.newId();
    const result = t.call(['create', '--bundle', malformed(path, value), id]);
    expect(result.status).toBe(1);
    expect(result.stdout).toBe('');
    expect(result.stderr).toContain(named ?? path);
    expect(result.stderr.length).toBeLessThan(1000);
    expect(result.stderr).not.toMatch(/\bat .*\.(ts|js):\d+|Error:/); // no stack of our own
    nothingIsLeft(id);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['is empty', '', /config\.json/],
    ['is cut off', '{"ociVersion": "1.0.2", "process": {', /config\.json:1:\d+/],
    ['has a comma too many', '{"ociVersion": "1.0.2",\n}', /config\.json:2:1/],
    ['has a comment', '{\n  // here\n}', /config\.json:2:3/],
    ['is a list', '[]', /config\.json/],
    ['is a string', '"config"', /config\.json/],
    ['is null', 'null', /config\.json/],
    ['is not UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), /config\.json/],
    ['has something behind it', '{"ociVersion": "1.0.2"} x', /config\.json:1:25/],
    ['has a key twice', '{"ociVersion": "1.0.2",\n "ociVersion": "1.0.2"}', /ociVersion/],
  ])('one that %s', (_what, text, message) => {
    const bundle = t.newDirectory();
    writeFileSync(join(bundle, 'config.json'), text);
    const id = t.newId();
    const result = t.call(['create', '--bundle', bundle, id]);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(message);
    nothingIsLeft(id);
  });

  it('all problems are reported at once, each with its line and column', () => {
    const bundle = t.newDirectory();
    const lines = [
      '{',
      '  "ociVersion": "1.0.2",',
      '  "root": { "path": "/", "readonly": 5 },',
      '  "process": {',
      '    "args": [],',
      '    "cwd": "relative",',
      '    "user": { "uid": -1, "gid": 0 }',
      '  }',
      '}',
    ];
    writeFileSync(join(bundle, 'config.json'), lines.join('\n'));
    const { stderr } = t.call(['create', '--bundle', bundle, t.newId()]);
    for (const [property, line, column] of [
      ['root.readonly', 3, 38],
      ['process.args', 5, 13],
      ['process.user.uid', 7, 22],
    ]) {
      expect(stderr).toContain(`config.json:${line}:${column}: ${property}: `);
    }
  });
});

describe('create that fails late', () => {
  it.each([
    ['in the container', 'process.args[0]', 'no-such-program'],
    ['at a mount', 'mounts[5]', { destination: '/mnt', type: 'nosuchfs', source: 'x' }],
    ['in a hook', 'hooks.createRuntime', [{ path: '/bin/false' }]],
    ['at a limit', 'linux.resources.cpu', { cpus: '4000' }],
    ['at a namespace', 'linux.namespaces[0].path', '/no/such/namespace'],
  ])('%s leaves no state, no cgroup, no process and the id free', (_where, path, value) => {
    const id = t.newId();
    const pidFile = join(t.newDirectory(), 'pid');
    const bundle = malformed(path, value);
    const result = t.call(['create', '--pid-file', pidFile, '--bundle', bundle, id]);
    expect(result.status).toBe(1);
    expect(result.stderr).not.toBe('');
    expect(existsSync(pidFile)).toBe(false);
    nothingIsLeft(id);
    expect(t.call(['run', '--bundle', t.bundle(), id]).status).toBe(0);
  });
});

describe('unknown properties', () => {
  it('are ignored, as the specification demands', () => {
    const bundle = malformed('org.example.future', { any: 'thing' });
    const file = join(bundle, 'config.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"process": {', '"process": { "x": 1,'));
    expect(t.call(['run', '--bundle', bundle, t.newId()])).toMatchObject({ status: 0, stdout: '' });
  });
});
