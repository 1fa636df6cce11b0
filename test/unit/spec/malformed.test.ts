import { describe, expect, it } from 'vitest';
import { TsrunError } from '../../../src/errors.ts';
import { formatJson } from '../../../src/spec/formatJson.ts';
import { checkConfig, loadConfig } from '../../../src/spec/load.ts';
import { valueAt } from '../../../src/spec/schemaProblems.ts';

/** A config in which every section stands and nothing is wrong. */
const config = (): unknown => ({
  ociVersion: '1.2.0',
  root: { path: 'rootfs', readonly: true },
  hostname: 'web',
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid'] },
  ],
  process: {
    cwd: '/',
    args: ['sh', '-c', 'true'],
    env: ['PATH=/bin'],
    user: { uid: 0, gid: 0, additionalGids: [5] },
    consoleSize: { height: 24, width: 80 },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
    capabilities: { bounding: ['CAP_KILL'] },
  },
  hooks: { prestart: [{ path: '/bin/true', timeout: 5 }] },
  linux: {
    namespaces: [{ type: 'mount' }, { type: 'uts' }, { type: 'pid' }, { type: 'network' }],
    cgroupsPath: '/web',
    devices: [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229 }],
    resources: {
      memory: { limit: 1024, swap: 2048 },
      cpu: { shares: 512, cpus: '0' },
      pids: { limit: 5 },
      devices: [{ allow: false, access: 'rwm' }],
      blockIO: { weight: 100, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }] },
      hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
      network: { classID: 1, priorities: [{ name: 'eth0', priority: 1 }] },
    },
    maskedPaths: ['/proc/kcore'],
    sysctl: { 'net.ipv4.ip_forward': '1' },
  },
});

const U64_AND_ONE = 18446744073709551616n;

/** What stands at a pointer instead; undefined: nothing. The third names another property to blame. */
type Row = readonly [pointer: string, value: unknown, blamed?: string];

const ROWS: readonly Row[] = [
  ['/ociVersion', undefined],
  ['/ociVersion', 1],
  ['/ociVersion', 'latest'],
  ['/ociVersion', '2.0.0'],
  ['/root', 'rootfs'],
  ['/root', undefined],
  ['/root/path', undefined],
  ['/root/path', 7],
  ['/root/readonly', 'yes'],
  ['/hostname', 7],
  ['/hostname', 'x'.repeat(65)],
  ['/domainname', false],
  ['/annotations', []],
  ['/annotations', { a: 1 }, '/annotations/a'],
  ['/annotations', { 'a/b~': 1 }, '/annotations/a~1b~0'],
  ['/mounts', {}],
  ['/mounts/0', 'proc'],
  ['/mounts/0/destination', undefined],
  ['/mounts/1/destination', ['/tmp']],
  ['/mounts/1/type', 5],
  ['/mounts/1/source', {}],
  ['/mounts/1/options', 'nosuid'],
  ['/mounts/1/options/0', 5],
  ['/process', []],
  ['/process/cwd', undefined],
  ['/process/cwd', 'relative'],
  ['/process/cwd', 5],
  ['/process/args', 'sh'],
  ['/process/args', []],
  ['/process/args/1', 5],
  ['/process/args/2', 'a\0b'],
  ['/process/env', {}],
  ['/process/env/0', 'PATH'],
  ['/process/env/0', 1],
  ['/process/terminal', 'true'],
  ['/process/consoleSize/height', undefined],
  ['/process/consoleSize/width', -1],
  ['/process/consoleSize/width', 65536],
  ['/process/user', 'root'],
  ['/process/user/uid', -1],
  ['/process/user/uid', '0'],
  ['/process/user/gid', 4294967296],
  ['/process/user/gid', 0.5],
  ['/process/user/gid', U64_AND_ONE],
  ['/process/user/umask', 0o1000],
  ['/process/user/additionalGids', 5],
  ['/process/user/additionalGids/0', -5],
  ['/process/rlimits', {}],
  ['/process/rlimits/0/type', 'NOFILE'],
  ['/process/rlimits/0/type', undefined],
  ['/process/rlimits/0/soft', 30],
  ['/process/rlimits/0/soft', '10'],
  ['/process/rlimits/0/hard', U64_AND_ONE],
  ['/process/rlimits/0/hard', -1],
  ['/process/rlimits/0/hard', 1e20],
  ['/process/capabilities', ['CAP_KILL']],
  ['/process/capabilities/bounding', 'CAP_KILL'],
  ['/process/capabilities/bounding/0', 5],
  ['/process/noNewPrivileges', 1],
  ['/process/oomScoreAdj', 1001],
  ['/process/oomScoreAdj', '0'],
  ['/process/scheduler', { policy: 'SCHED_FAST' }, '/process/scheduler/policy'],
  ['/process/scheduler', {}, '/process/scheduler/policy'],
  ['/process/ioPriority', { class: 'IOPRIO_CLASS_BE' }, '/process/ioPriority/priority'],
  ['/process/ioPriority', { class: 'BE', priority: 1 }, '/process/ioPriority/class'],
  [
    '/process/ioPriority',
    { class: 'IOPRIO_CLASS_BE', priority: 8 },
    '/process/ioPriority/priority',
  ],
  ['/process/execCPUAffinity', { initial: 'a' }, '/process/execCPUAffinity/initial'],
  ['/hooks', []],
  ['/hooks/prestart', {}],
  ['/hooks/prestart/0/path', undefined],
  ['/hooks/prestart/0/path', 'true'],
  ['/hooks/prestart/0/timeout', 0],
  ['/hooks/prestart/0/args', 'a'],
  ['/hooks/prestart/0/env', [5], '/hooks/prestart/0/env/0'],
  ['/linux', true],
  ['/linux/namespaces', { type: 'pid' }],
  ['/linux/namespaces/0/type', 'net'],
  ['/linux/namespaces/0/type', undefined],
  ['/linux/namespaces/3/type', 'pid'],
  ['/linux/namespaces/3/path', 'relative'],
  ['/linux/uidMappings', [{ containerID: 0, hostID: 0 }], '/linux/uidMappings/0/size'],
  ['/linux/gidMappings', [5], '/linux/gidMappings/0'],
  ['/linux/timeOffsets', { boottime: { secs: 'x' } }, '/linux/timeOffsets/boottime/secs'],
  ['/linux/devices/0/type', 'x'],
  ['/linux/devices/0/path', undefined],
  ['/linux/devices/0/path', 'dev/fuse'],
  ['/linux/devices/0/major', '10'],
  ['/linux/devices/0/fileMode', 65536],
  ['/linux/cgroupsPath', 5],
  ['/linux/cgroupsPath', 'a\0b'],
  ['/linux/resources', []],
  ['/linux/resources/memory/limit', '1G'],
  ['/linux/resources/memory/limit', 9223372036854775808n],
  ['/linux/resources/memory/limit', -2],
  ['/linux/resources/memory/swap', 1023],
  ['/linux/resources/memory/swappiness', 101],
  ['/linux/resources/cpu/shares', -1],
  ['/linux/resources/cpu/shares', U64_AND_ONE],
  ['/linux/resources/cpu/cpus', '0-'],
  ['/linux/resources/cpu/idle', 2],
  ['/linux/resources/pids/limit', 1.5],
  ['/linux/resources/devices/0/allow', undefined],
  ['/linux/resources/devices/0/type', 'd'],
  ['/linux/resources/devices/0/access', 'rx'],
  ['/linux/resources/blockIO/weight', 5],
  ['/linux/resources/blockIO/throttleReadBpsDevice/0/rate', undefined],
  ['/linux/resources/hugepageLimits/0/pageSize', '2048'],
  ['/linux/resources/network/classID', 4294967296],
  ['/linux/resources/network/priorities/0/name', 5],
  ['/linux/resources/unified', { 'a/b': '1' }, '/linux/resources/unified/a~1b'],
  ['/linux/resources/rdma', { mlx: { hcaHandles: -1 } }, '/linux/resources/rdma/mlx/hcaHandles'],
  ['/linux/rootfsPropagation', 'sideways'],
  ['/linux/maskedPaths', '/proc/kcore'],
  ['/linux/maskedPaths/0', 'proc/kcore'],
  ['/linux/readonlyPaths', [1], '/linux/readonlyPaths/0'],
  ['/linux/sysctl', { 'vm.swappiness': '1' }, '/linux/sysctl/vm.swappiness'],
  ['/linux/sysctl/net.ipv4.ip_forward', 1],
  ['/linux/personality', { domain: 'LINUX64' }, '/linux/personality/domain'],
  ['/linux/seccomp', { defaultAction: 'ALLOW' }, '/linux/seccomp/defaultAction'],
  ['/linux/seccomp', { defaultAction: 'SCMP_ACT_ALLOW', flags: ['X'] }, '/linux/seccomp/flags/0'],
  ['/linux/memoryPolicy', { mode: 'BIND' }, '/linux/memoryPolicy/mode'],
];

const parts = (pointer: string) => pointer.split('/').slice(1);

/** The config with one thing changed. */
function mutated(pointer: string, value: unknown): unknown {
  const root = config();
  const names = parts(pointer);
  const last = names.pop() ?? '';
  let at = root;
  for (const name of names) at = valueAt(at, `/${name}`);
  if (at === null || typeof at !== 'object') throw new Error(`nothing holds ${pointer}`);
  if (value === undefined) Reflect.deleteProperty(at, last);
  else Reflect.set(at, last, value);
  return root;
}

describe('a malformed config', () => {
  it('is compared with one in which nothing is wrong', () => {
    expect(checkConfig(formatJson(config())).problems).toEqual([]);
    expect(ROWS.length).toBeGreaterThanOrEqual(100);
  });

  const cases = ROWS.map(([pointer, value, blamed = pointer]) => {
    const text = value === undefined ? 'absent' : formatJson(value);
    return { pointer, value, blamed, text };
  });
  it.each(cases)('names $blamed when $pointer is $text', ({ pointer, value, blamed }) => {
    const wrong = mutated(pointer, value);
    const text = formatJson(wrong, '  ');
    const { problems, value: spec } = checkConfig(text);
    expect(spec).toBeUndefined();
    const problem = problems.find(({ path }) => path === blamed);
    expect(problem, formatJson(problems)).toMatchObject({ severity: 'error' });
    const { line, column } = problem?.position ?? { line: 0, column: 0 };
    const found = text.split('\n')[line - 1]?.slice(column - 1);
    const holder = blamed.slice(0, blamed.lastIndexOf('/'));
    const expected = valueAt(wrong, blamed) === undefined ? holder : blamed;
    expect(found?.[0]).toBe(formatJson(valueAt(wrong, expected))[0]);
    expect(() => loadConfig(text, 'config.json')).toThrow(TsrunError);
    expect(() => loadConfig(text, 'config.json')).toThrow(`config.json:${line}:${column}: `);
  });
});
