/**
 * What this kernel and this host cannot do of a right config, property by property. Beside the checks
 * that stop `create` (config/hostChecks.ts) these find what would fail later, in the middle of the plan.
 */
import { checkHost } from '../config/hostChecks.ts';
import { searchPath } from '../config/process/env.ts';
import { CAPABILITIES } from '../linux/constants/capabilities.ts';
import type { PlanContext } from '../plan/context.ts';
import { error, type Problem, warning } from '../spec/problem.ts';
import { programProblem, type View } from './program.ts';

/** What is asked of the machine. */
export interface Machine {
  /** A file's text; undefined where there is none or it may not be read. */
  text(path: string): string | undefined;
  exists(path: string): boolean;
  isExecutable(path: string): boolean;
  /** The container's files as they will be. */
  readonly view: View;
}

type Look = (context: PlanContext, machine: Machine) => readonly Problem[];

export const lookAtHost: Look = (context, machine) =>
  LOOKS.flatMap((look) => look(context, machine));

const NAMESPACE_FILES: { readonly [type: string]: string } = { mount: 'mnt', network: 'net' };

const namespaces: Look = ({ spec, host }, machine) => {
  const list = spec.linux?.namespaces ?? [];
  const found = list.flatMap(({ type, path }, index): readonly Problem[] => {
    const at = `/linux/namespaces/${index}`;
    if (path !== undefined) {
      return machine.exists(path) ? [] : [error(`${at}/path`, 'does not exist on this host', path)];
    }
    const file = NAMESPACE_FILES[type] ?? type;
    if (!machine.exists(`/proc/self/ns/${file}`)) {
      return [error(at, `needs ${type} namespaces, which this kernel does not have`)];
    }
    const limit = `/proc/sys/user/max_${file}_namespaces`;
    if (machine.text(limit)?.trim() === '0') {
      return [error(at, `needs ${type} namespaces, which are switched off: ${limit} is 0`)];
    }
    return type === 'user' ? unprivileged(at, host.euid, machine) : [];
  });
  const hasUser = list.some(({ type }) => type === 'user');
  return host.euid === 0 || hasUser
    ? found
    : [...found, error('/linux/namespaces', 'needs one of type user: this user is not root')];
};

function unprivileged(at: string, euid: number, machine: Machine): readonly Problem[] {
  if (euid === 0) return [];
  const clone = '/proc/sys/kernel/unprivileged_userns_clone';
  const apparmor = '/proc/sys/kernel/apparmor_restrict_unprivileged_userns';
  if (machine.text(clone)?.trim() === '0') {
    return [error(at, `is for root alone: ${clone} is 0`)];
  }
  return machine.text(apparmor)?.trim() === '1'
    ? [warning(at, `may be refused by AppArmor: ${apparmor} is 1`)]
    : [];
}

const idMappings: Look = ({ spec, host }) => {
  if (host.euid === 0) return [];
  const tools = { uidMappings: host.idmapTools.newuidmap, gidMappings: host.idmapTools.newgidmap };
  return (['uidMappings', 'gidMappings'] as const).flatMap((name) => {
    const mappings = spec.linux?.[name] ?? [];
    const isOwn = mappings.length === 1 && mappings[0]?.size === 1;
    if (mappings.length === 0 || isOwn || tools[name] !== undefined) return [];
    const tool = name === 'uidMappings' ? 'newuidmap' : 'newgidmap';
    return [
      error(`/linux/${name}`, `maps more than this user's own id, and ${tool} is not in PATH`),
    ];
  });
};

const root: Look = ({ spec, options }, machine) =>
  machine.exists(options.rootfs)
    ? []
    : [error('/root/path', 'does not exist on this host', spec.root?.path ?? options.rootfs)];

const mounts: Look = ({ spec }, machine) => {
  const known = machine.text('/proc/filesystems');
  return (spec.mounts ?? []).flatMap(({ type, source, options = [] }, index) => {
    const at = `/mounts/${index}`;
    const isBind = options.includes('bind') || options.includes('rbind');
    if (isBind) {
      const isMissing = source?.startsWith('/') === true && !machine.exists(source);
      return isMissing ? [error(`${at}/source`, 'does not exist on this host', source)] : [];
    }
    if (source?.startsWith('/') && (type === undefined || type === 'none' || type === 'bind')) {
      return [error(at, 'has a path as its source, but neither bind nor rbind among its options')];
    }
    const isKnown = known?.split(/\s+/).includes(type ?? '') ?? true;
    return type === undefined || isKnown || type === 'cgroup'
      ? []
      : [warning(`${at}/type`, 'is no file system the kernel has loaded', type)];
  });
};

const program: Look = ({ spec, host }, { view }) => {
  const { args = [], user } = spec.process ?? {};
  const [file] = args;
  if (file === undefined) return [];
  const gids = [user?.gid ?? 0, ...(user?.additionalGids ?? [])];
  const run = { file, search: searchPath(spec), uid: user?.uid ?? 0, gids, machine: host.machine };
  const found = programProblem(view, run);
  return found === undefined ? [] : [warning('/process/args/0', `cannot be executed: ${found}`)];
};

/** Run on the host; the other two kinds are programs of the container. */
const HOST_HOOKS = ['prestart', 'createRuntime', 'poststart', 'poststop'] as const;

const hooks: Look = ({ spec }, machine) =>
  HOST_HOOKS.flatMap((kind) =>
    (spec.hooks?.[kind] ?? []).flatMap(({ path }, index) =>
      machine.isExecutable(path)
        ? []
        : [error(`/hooks/${kind}/${index}/path`, 'is no program of this host', path)],
    ),
  );

const sysctls: Look = ({ spec }, machine) =>
  Object.keys(spec.linux?.sysctl ?? {}).flatMap((name) => {
    const file = name.includes('/') ? name : name.replaceAll('.', '/');
    const isThere = machine.exists(`/proc/sys/${file}`);
    return isThere
      ? []
      : [warning(`/linux/sysctl/${name.replaceAll('/', '~1')}`, 'is no setting of this kernel')];
  });

const RESOURCE = 1n << 24n;

/** Raising a hard limit and lowering the score take CAP_SYS_RESOURCE, proc_pid_oom_score_adj(5). */
const resources: Look = ({ spec }, machine) => {
  const status = machine.text('/proc/self/status') ?? '';
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? 'ffffffff'}`);
  if ((capabilities & RESOURCE) !== 0n) return [];
  const limits = machine.text('/proc/self/limits') ?? '';
  const rlimits = (spec.process?.rlimits ?? []).flatMap(({ type, hard }, index) => {
    const own = hardLimit(limits, type);
    return own === undefined || BigInt(hard) <= own
      ? []
      : [
          error(
            `/process/rlimits/${index}/hard`,
            `is above the limit of ${own} that this process has, and CAP_SYS_RESOURCE is missing`,
            hard,
          ),
        ];
  });
  const score = spec.process?.oomScoreAdj;
  const own = Number(machine.text('/proc/self/oom_score_adj') ?? '0');
  return score === undefined || score >= own
    ? rlimits
    : [
        ...rlimits,
        error(
          '/process/oomScoreAdj',
          `is below ${own}, which this process has, and CAP_SYS_RESOURCE is missing`,
          score,
        ),
      ];
};

const LIMIT_NAMES: { readonly [type: string]: string } = {
  RLIMIT_CORE: 'Max core file size',
  RLIMIT_NOFILE: 'Max open files',
  RLIMIT_NPROC: 'Max processes',
  RLIMIT_MEMLOCK: 'Max locked memory',
  RLIMIT_STACK: 'Max stack size',
};

/** Of /proc/self/limits; undefined where it is unlimited, or of no row that is looked for. */
function hardLimit(limits: string, type: string): bigint | undefined {
  const name = LIMIT_NAMES[type];
  const line =
    name === undefined ? undefined : limits.split('\n').find((row) => row.startsWith(name));
  const hard = line?.slice(26).trim().split(/\s+/)[1];
  return hard === undefined || hard === 'unlimited' ? undefined : BigInt(hard);
}

const capabilities: Look = ({ spec, host }, machine) => {
  const status = machine.text('/proc/self/status') ?? '';
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? 'ffffffffffffffff'}`);
  const missing = Array.from({ length: host.lastCap + 1 }, (_, bit) => bit).filter(
    (bit) => ((bounding >> BigInt(bit)) & 1n) === 0n,
  );
  const all: readonly (string | undefined)[] = CAPABILITIES;
  return SETS.flatMap((set) =>
    (spec.process?.capabilities?.[set] ?? []).flatMap((name, index) =>
      missing.includes(all.indexOf(name))
        ? [
            warning(
              `/process/capabilities/${set}/${index}`,
              'is not in the bounding set of this process, so the container cannot have it',
              name,
            ),
          ]
        : [],
    ),
  );
};

const SETS = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'] as const;

const seccomp: Look = ({ spec }, machine) => {
  const available = machine.text('/proc/sys/kernel/seccomp/actions_avail');
  const rules = spec.linux?.seccomp;
  if (rules === undefined) return [];
  if (available === undefined)
    return [error('/linux/seccomp', 'needs a kernel with CONFIG_SECCOMP_FILTER')];
  const actions = available.trim().split(' ');
  return (rules.syscalls ?? []).flatMap(({ action }, index) => {
    const name = KERNEL_ACTIONS[action];
    return name === undefined || actions.includes(name)
      ? []
      : [error(`/linux/seccomp/syscalls/${index}/action`, 'is no action of this kernel', action)];
  });
};

const KERNEL_ACTIONS: { readonly [action: string]: string } = {
  SCMP_ACT_KILL: 'kill_thread',
  SCMP_ACT_KILL_THREAD: 'kill_thread',
  SCMP_ACT_KILL_PROCESS: 'kill_process',
  SCMP_ACT_TRAP: 'trap',
  SCMP_ACT_ERRNO: 'errno',
  SCMP_ACT_NOTIFY: 'user_notif',
  SCMP_ACT_TRACE: 'trace',
  SCMP_ACT_LOG: 'log',
  SCMP_ACT_ALLOW: 'allow',
};

const LOOKS: readonly Look[] = [
  checkHost,
  namespaces,
  idMappings,
  root,
  mounts,
  program,
  hooks,
  sysctls,
  resources,
  capabilities,
  seccomp,
];
