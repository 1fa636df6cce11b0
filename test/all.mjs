/**
 * `npm test`: sets up what is missing, then every check there is, each a step with its time. Plain
 * JavaScript, because it starts before `npm ci`. With CI set, a test that is skipped without need fails.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = join(dirname(fileURLToPath(import.meta.url)), '..');
const reports = join(top, 'dist/test');
const isRoot = process.getuid() === 0;
const isCi = Boolean(process.env.CI);

/** Programs the tests call, and Debian's packages that have them. */
const PROGRAMS = {
  runc: 'runc',
  busybox: 'busybox-static',
  'musl-gcc': 'musl-tools',
  cppcheck: 'cppcheck',
  ip: 'iproute2',
  script: 'bsdutils',
  nsenter: 'util-linux',
  python3: 'python3',
  newuidmap: 'uidmap',
};

/**
 * What may be skipped although CI is set: tests of what this machine does not have, and where they are
 * done instead.
 */
const ALLOWED_SKIPS = [
  {
    test: /^process\.apparmorProfile /,
    reason: 'no AppArmor in this kernel',
    holds: () => !existsSync('/sys/kernel/security/apparmor'),
  },
  {
    test: /^--systemd-cgroup \(skipped without/,
    reason: 'no systemd here: test:vm',
    holds: () => !existsSync('/run/systemd/system'),
  },
  {
    test: /^a user's systemd \(skipped/,
    reason: 'no user is to be given a systemd here: test:vm',
    holds: () => process.env.TSRUN_VM === undefined,
  },
  {
    test: /^linux\.resources blockIO\.weightDevice$/,
    reason: 'no disk that BFQ serves: test:vm',
    holds: () => !blockDevices().some((one) => schedulerOf(one).includes('[bfq]')),
  },
  {
    test: /^linux\.resources (unified|blockIO\.weight, io\.weight)$|can hold no process$/,
    reason: 'no cgroup v2 here: test:vm',
    holds: () => !existsSync('/sys/fs/cgroup/cgroup.controllers'),
  },
  {
    test: /^linux\.resources rdma\.\w+$/,
    reason: 'no RDMA device: test:vm',
    holds: () => !existsSync('/sys/class/infiniband') || !existsSync('/sys/fs/cgroup/rdma'),
  },
  ...['hugetlb', 'net_cls', 'net_prio'].map((controller) => ({
    test: {
      hugetlb: /^linux\.resources hugepageLimits/,
      net_cls: /^linux\.resources network\.classID$/,
      net_prio: /^linux\.resources network\.priorities$/,
    }[controller],
    reason: `no ${controller} hierarchy of cgroup v1`,
    holds: () => !existsSync(`/sys/fs/cgroup/${controller}`),
  })),
];

function blockDevices() {
  return existsSync('/sys/block') ? readdirSync('/sys/block') : [];
}

function schedulerOf(device) {
  const file = `/sys/block/${device}/queue/scheduler`;
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** Tests that Debian's runc is too old for, or that it fails by its own choice: file, reason, titles. */
const RUNC_DIFFERS = JSON.parse(
  readFileSync(join(top, 'test/integration/runc-differs.json'), 'utf8'),
);

/**
 * The integration tests that the host on Node runs too: those of what it does in its own way, which is to
 * start programs, hand on descriptors, get signals, speak with sockets and libraries, and print. What the
 * executor does with a plan is the same program on both hosts, which plan the same (hosts.test.ts): mounts,
 * namespaces, ids, attacks on a root, old kernels; and what is a matter of many containers: space, crashes.
 * Those are left out here for their time, ten minutes of Node's start-ups, and pass on Node as well:
 * `npm run test:node` runs all there are. Only faults.test.ts is not for Node, whose own system calls fail in
 * its own words.
 */
const OF_THE_HOST = [
  'alone',
  'bundles',
  'cgroup',
  'control',
  'delete',
  'descriptors',
  'devices',
  'errors',
  'events',
  'exec',
  'exec-terminal',
  'explain/diagnose',
  'explain/inspect',
  'explain/mounts',
  'explain/overlay',
  'explain/tour',
  'explain/trace',
  'hooks',
  'hostMounts',
  'info',
  'inherited',
  'intelRdt',
  'lifecycle',
  'memoryPolicy',
  'netDevices',
  'notify',
  'process',
  'real-configs',
  'resources',
  'rootless',
  'seccomp',
  'seccomp-runc',
  'selinux',
  'systemd',
  'terminal',
  'update',
].map((name) => `test/integration/${name}.test.ts`);

const rows = [];
/** Ends the whole run when the step fails: later ones would only say it again. */
function step(name, command, args, env = {}, mayFail = false) {
  console.log(`\n== ${name}: ${command} ${args.join(' ')}`);
  const started = Date.now();
  const { status, error } = spawnSync(command, args, {
    cwd: top,
    stdio: 'inherit',
    env: { ...process.env, NO_COLOR: '1', ...env },
  });
  if (error) console.error(error.message);
  const row = { name, seconds: (Date.now() - started) / 1000, result: 'ok' };
  rows.push(row);
  if (status !== 0 && !mayFail) {
    row.result = 'FAILED';
    finish(1);
  }
  return row;
}

const VITEST = ['run', '--silent', 'vitest', '--'];

/** A vitest project, or some of its files; its row says how many tests there were. */
function vitest(name, project, files = [], env = {}) {
  const report = join(reports, `${name.replaceAll(/\W+/g, '-')}.json`);
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  const row = step(name, 'npm', [...VITEST, '--project', project, ...reporters, ...files], env);
  const { numPassedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const skipped = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status !== 'passed')
    .map(({ fullName }) => fullName);
  row.result = `${numPassedTests} passed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`;
  const needed = ALLOWED_SKIPS.filter(({ holds }) => holds());
  for (const { test, reason } of needed) {
    if (skipped.some((one) => test.test(one))) row.result += ` (${reason})`;
  }
  const wrong = skipped.filter((one) => !needed.some(({ test }) => test.test(one)));
  if (isCi && wrong.length > 0) {
    row.result += `; without need: ${wrong.join('; ')}`;
    finish(1);
  }
}

/** The integration tests on runc: they must pass there, or be named in runc-differs.json with the reason. */
function vitestOnRunc(name) {
  const report = join(reports, 'integration-on-runc.json');
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  const args = [...VITEST, '--project', 'integration', '--retry=1', ...reporters];
  rmSync(report, { force: true });
  const row = step(name, 'npm', args, { TSRUN_RUNTIME: 'runc' }, true);
  const { numPassedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const here = Object.values(RUNC_DIFFERS).filter(({ where }) => where === undefined);
  const named = new Set(here.flatMap(({ tests }) => tests));
  const failed = testResults.flatMap(({ assertionResults, status, name: file }) => {
    const failures = assertionResults.filter((one) => one.status === 'failed');
    // A file that fails as a whole, its clean-up say, has no test to name.
    if (status === 'failed' && failures.length === 0) return [file];
    return failures.map(({ fullName }) => fullName);
  });
  const wrong = failed.filter((one) => !named.has(one));
  row.result = `${numPassedTests} passed, ${failed.length - wrong.length} differ as runc-differs.json says`;
  if (wrong.length === 0) return;
  row.result += `; FAILED: ${wrong.join('; ')}`;
  finish(1);
}

/** What tests of containers make on the host and must take away, by what tells it: tests mark with `tsrt`. */
function marked() {
  const lines = (path) => readFileSync(path, 'utf8').split('\n');
  const found = spawnSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', '*tsrt*'], {
    encoding: 'utf8',
  });
  const executors = readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/exe`).startsWith('/memfd:tsrun');
    } catch {
      return false; // it has ended, or is the kernel's
    }
  });
  return new Set([
    ...lines('/proc/self/mountinfo').filter((line) => line.includes('tsrt')),
    ...found.stdout.split('\n').filter(Boolean),
    ...readdirSync('/sys/class/net').map((name) => `network device ${name}`),
    ...readdirSync(tmpdir())
      .filter((name) => name.startsWith('tsrt'))
      .map((name) => join(tmpdir(), name)),
    ...executors.map((pid) => `process ${pid}`),
  ]);
}

/** Fails the run for what is there and was not before. The kernel removes some things a moment late. */
function nothingLeft(before) {
  const row = { name: 'nothing left behind', seconds: 0, result: 'ok' };
  rows.push(row);
  let left = [];
  for (let tries = 0; tries < 20; tries++) {
    left = [...marked()].filter((one) => !before.has(one));
    if (left.length === 0) return;
    spawnSync('sleep', ['0.25']);
  }
  row.result = `FAILED: ${left.join('; ')}`;
  finish(1);
}

function finish(status) {
  console.log('');
  for (const { name, seconds, result } of rows) {
    console.log(`${name.padEnd(24)} ${seconds.toFixed(1).padStart(7)} s  ${result}`);
  }
  const total = rows.reduce((sum, { seconds }) => sum + seconds, 0);
  console.log(`npm test: ${status === 0 ? 'passed' : 'FAILED'} in ${total.toFixed(0)} s`);
  process.exit(status);
}

const onPath = (program) =>
  [...process.env.PATH.split(':'), '/usr/sbin', '/sbin'].some((dir) =>
    existsSync(join(dir, program)),
  );

const missing = [...new Set(Object.keys(PROGRAMS).filter((one) => !onPath(one)))];
if (missing.length > 0 && isRoot && onPath('apt-get')) {
  const packages = missing.map((one) => PROGRAMS[one]);
  step('apt-get update', 'apt-get', ['update', '-q']);
  step(
    'apt-get install',
    'apt-get',
    ['install', '-y', '-q', '--no-install-recommends', ...packages],
    {
      DEBIAN_FRONTEND: 'noninteractive',
    },
  );
}
if (!existsSync(join(top, 'node_modules/.package-lock.json'))) {
  step('npm ci', 'npm', ['ci', '--no-audit', '--no-fund']);
}
step('build', 'npm', ['run', '--silent', 'build']);
mkdirSync(reports, { recursive: true });
step('format and lint', 'npx', ['biome', 'check', '.']);
step('types', 'npm', ['run', '--silent', 'types']);
vitest('unit and layout', 'unit');
step('C with sanitizers', 'make', ['-j2', '-C', 'native', 'test']);
if (onPath('cppcheck')) step('cppcheck', 'make', ['-C', 'native', 'check']);
if (isRoot) {
  const before = marked();
  vitest('integration on tsrun', 'integration');
  const gone = OF_THE_HOST.filter((file) => !existsSync(join(top, file)));
  if (gone.length > 0) throw new Error(`no such tests: ${gone.join(' ')}`);
  const onNode = { TSRUN_RUNTIME: join(top, 'dist/tsrun.mjs') };
  vitest('integration, Node host', 'integration', ['--retry=1', ...OF_THE_HOST], onNode);
  nothingLeft(before);
  if (onPath('apt-get')) {
    // Engines have races of their own, on runc too: what fails twice is a failure.
    vitest('engines', 'interop', ['--retry=1']);
  } else {
    rows.push({ name: 'engines', seconds: 0, result: 'SKIPPED: needs apt' });
    if (isCi) finish(1);
  }
  if (onPath('apt-get')) {
    step('virtual machine', 'npm', ['run', '--silent', 'test:vm']);
  } else {
    rows.push({ name: 'virtual machine', seconds: 0, result: 'SKIPPED: needs apt' });
    if (isCi) finish(1);
  }
  if (onPath('runc')) vitestOnRunc('integration on runc');
} else {
  rows.push({ name: 'integration', seconds: 0, result: 'SKIPPED: needs root' });
  if (isCi) finish(1);
}
finish(0);
