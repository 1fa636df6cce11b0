/**
 * `npm run test:vm [-- NAME...]`: the integration tests that want cgroup v2, systemd or AppArmor, on a kernel
 * of Debian's in virtual machines; with names only the machines whose names hold one, and of them those that take
 * hours. Two at a time: in each mostly one processor is busy. Needs root, ./tsrun built, and apt.
 * TSRUN_INTEROP_WRITE=1 writes test/interop/table.md.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { prepareCriu } from '../interop/criu.ts';
import { installEngines } from '../interop/install.ts';
import { type Seen, writeTable } from '../interop/table.ts';
import { judge, type Run, type Skip } from './judge.ts';

const here = import.meta.dirname;
const top = join(here, '../..');

interface Machine {
  readonly name: string;
  /** Of test/vm/run. */
  readonly options: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `file` or `file:pattern of titles`; README.md says why these. */
  readonly tests: readonly string[];
  /** Of these what runc is held to as well; what it does not do is in runc-differs.json. */
  readonly onRunc: readonly string[];
  readonly skips: readonly Skip[];
  /** Only when it is named, and for so long. */
  readonly byHandSeconds?: number;
}

const V1_ONLY: readonly Skip[] = [
  {
    test: /^linux\.resources (memory\.(swappiness|disableOOMKiller)|cpu\.realtime\w+|network\.\w+|devices)$/,
    reason: 'v1 alone has it',
  },
  { test: /devices is in devices\.list/, reason: 'v1 alone has it' },
  { test: /^update --cpu-rt-period/, reason: 'v1 alone has it' },
];

/** A few features that meet systemd's cgroups, on tsrun alone. */
const ENGINES_SOON = { TSRUN_INTEROP_RUNTIMES: 'tsrun', TSRUN_RETRY: '1' };

/** The longest first: the others run beside it. */
const MACHINES: readonly Machine[] = [
  {
    name: 'cgroup v2',
    options: [],
    tests: [
      'cgroup2',
      'physical',
      'control',
      'apparmor',
      'devices',
      'update',
      'events',
      'resources',
      'exec:cgroup|user namespace|detach|4 MiB|execCPUAffinity',
      'seccomp:without no_new_privs',
      'lifecycle:run|goes through|force|sends TERM|--all',
      'namespaces:all of them|joins|own cgroup|uidMappings|timeOffsets',
      'mounts:overlay|rro',
    ],
    onRunc: [],
    skips: [...V1_ONLY, { test: /on a host without AppArmor/, reason: 'this one has it' }],
  },
  {
    name: 'engines under systemd: docker, containerd',
    options: ['--systemd', '--mem', '3072'],
    env: ENGINES_SOON,
    tests: [
      'interop-cri:SystemdCgroup|table.md',
      'interop-containerd:runc-systemd-cgroup|table.md',
      'interop-docker:driver is systemd|table.md',
    ],
    onRunc: [],
    skips: [],
  },
  {
    name: 'cgroup v2 on runc',
    options: [],
    tests: [],
    onRunc: [
      'cgroup2',
      'control:pause|counts',
      'update:> (--|works|one after|writes)',
      'events:agrees|at each interval',
      'resources',
      'exec:cgroup|user namespace',
    ],
    skips: [],
  },
  {
    name: 'systemd, cgroup v2',
    options: ['--systemd'],
    env: { TSRUN_SYSTEMD_CGROUP: '1' },
    tests: ['systemd', 'resources', 'cgroup2', 'control:pause|counts', 'units'],
    onRunc: ['systemd', 'units:of run is'],
    skips: V1_ONLY,
  },
  {
    name: 'engines under systemd: podman, CRIU',
    options: ['--systemd'],
    env: ENGINES_SOON,
    tests: ['interop-podman-systemd:run, exec, stats|table.md', 'criu'],
    onRunc: [],
    skips: [],
  },
  {
    name: 'systemd, cgroup v1',
    options: ['--systemd', '--cgroup', 'v1'],
    env: { TSRUN_SYSTEMD_CGROUP: '1' },
    tests: ['systemd', 'resources', 'cgroup:frozen|removed|absent', 'control:pause'],
    onRunc: ['systemd'],
    skips: [
      {
        test: /^linux\.resources (blockIO\.weight, io\.weight|unified)$/,
        reason: 'v2 alone has it',
      },
      { test: /^linux\.resources cpu\.realtime/, reason: "Debian's kernel has no RT_GROUP_SCHED" },
      { test: /^a user's systemd/, reason: 'has no controllers to give on v1' },
    ],
  },
  // The engines' tests whole, with both runtimes: `npm run test:vm:interop`.
  ...[
    ['podman', 'podman-systemd', 'podman-rootless', 'podman-groups', 'podman'],
    ['docker', 'docker', 'buildah'],
    ['containerd', 'cri', 'containerd'],
  ].map(
    ([name, ...tests]): Machine => ({
      name: `interop: ${name}`,
      options: ['--systemd', '--mem', '4096'],
      env: { TSRUN_RETRY: '1' },
      tests: tests.map((test) => `interop-${test}`),
      onRunc: [],
      skips: [],
      byHandSeconds: 4 * 3600,
    }),
  ),
];

const command = ({ tests, onRunc }: Machine): string => {
  const suite = (names: readonly string[]) =>
    `node dist/vm/suite.mjs ${names.map((name) => `'${name}'`).join(' ')}; echo "suite: $?"`;
  return [
    ...(tests.length > 0 ? [suite(tests)] : []),
    ...(onRunc.length > 0 ? ['export TSRUN_RUNTIME=runc', suite(onRunc)] : []),
  ].join('; ');
};

interface Row {
  readonly name: string;
  readonly seconds: number;
  readonly isOk: boolean;
  readonly results: readonly string[];
  readonly output: string;
}

async function boot(machine: Machine): Promise<Row> {
  const started = Date.now();
  const env = { ...machine.env, ...passed() };
  const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const limit = `${machine.byHandSeconds ?? 900}`;
  const options = [...machine.options, '--timeout', limit, ...variables];
  const output = await outputOf(join(here, 'run'), [
    ...options,
    '--',
    'sh',
    '-c',
    command(machine),
  ]);
  const runs: readonly Run[] = [
    ...(machine.tests.length > 0 ? [{ runtime: 'tsrun', tests: machine.tests } as const] : []),
    ...(machine.onRunc.length > 0 ? [{ runtime: 'runc', tests: machine.onRunc } as const] : []),
  ];
  const parts = output.split(/^suite: (?=\d+$)/m);
  const verdicts = runs.map((run, i) =>
    judge(run, parts[i] ?? '', Number.parseInt(parts[i + 1] ?? '', 10), machine.skips),
  );
  return {
    name: machine.name,
    seconds: (Date.now() - started) / 1000,
    isOk: verdicts.every(({ wrong }) => wrong.length === 0),
    results: verdicts.flatMap(({ summary, wrong }) => [summary, ...wrong.map((w) => `  ${w}`)]),
    output,
  };
}

const passed = (): Record<string, string> =>
  Object.fromEntries(
    ['TSRUN_VERIFIED', 'TSRUN_INTEROP_WRITE'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );

/** Standard output and error of a command, whatever its end: the last lines tell. */
function outputOf(path: string, args: readonly string[]): Promise<string> {
  const child = spawn(path, args, { cwd: top, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (data: string) => {
      text += data;
    });
  }
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', () => done(text));
  });
}

function prepare(machines: readonly Machine[]): void {
  for (const [path, ...args] of [
    [process.execPath, join(here, 'bundle.mjs')],
    [join(here, 'run'), '--prepare'],
  ] as const) {
    if (spawnSync(path, args, { cwd: top, stdio: 'inherit' }).status !== 0) process.exit(1);
  }
  const names = machines.flatMap(({ tests, onRunc }) => [...tests, ...onRunc]);
  const missing = names
    .map((test) => test.split(':')[0] ?? '')
    .filter((name) => !existsSync(join(top, 'dist/vm', `${name}.test.mjs`)));
  if (names.some((name) => /^(interop|criu)/.test(name))) {
    installEngines();
    // In the machine there is no network; it has the path and the files of this one.
    process.env['PATH'] = `${prepareCriu()}:${process.env['PATH']}`;
  }
  if (missing.length === 0) return;
  console.log(`no such tests: ${missing.join(' ')}`);
  process.exit(1);
}

/** What features.ts prints of what it saw inside. */
function writeSections(output: string): void {
  for (const [, text = ''] of output.matchAll(/^section (.*)$/gm)) {
    const { title, seen } = JSON.parse(text) as { title: string; seen: readonly Seen[] };
    writeTable(title, 'machine', seen);
  }
}

const wanted = process.argv.slice(2);
const machines = MACHINES.filter(
  ({ name, byHandSeconds }) =>
    wanted.some((each) => name.includes(each)) ||
    (wanted.length === 0 && byHandSeconds === undefined),
);
prepare(machines);
const queue = [...machines];
const rows: Row[] = [];
const AT_ONCE = 2;
async function work(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const row = await boot(next);
    console.log(`\n== ${row.name}\n${row.output}`);
    rows.push(row);
    writeSections(row.output);
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log('');
for (const { name, seconds, isOk, results } of rows) {
  console.log(`${name.padEnd(24)} ${seconds.toFixed(1).padStart(7)} s  ${isOk ? 'ok' : 'FAILED'}`);
  for (const result of results) console.log(`    ${result}`);
}
process.exit(rows.every(({ isOk }) => isOk) ? 0 : 1);
