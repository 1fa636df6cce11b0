/** A fault of a plan to the message that names the property of config.json it is to be blamed on. */
import { formatErrno, quote, TsrunError } from '../errors.ts';
import type { ErrorCode } from '../generated/errorCodes.ts';
import { OPS, type OpField } from '../generated/ops.ts';
import { errnoNumber, errnoText } from '../linux/constants/errno.ts';
import type { Op, Plan, Step } from '../plan/step.ts';
import { formatConfigPath, valueAt } from '../spec/configPath.ts';

/** A step failed: its place in the plan, errno, and what the operation had to add (may be empty). */
export interface Fault {
  readonly step: number;
  readonly errno: number;
  readonly detail: string;
}

/**
 * The error of a fault: `mounts[3] ("/data"): open_tree "/srv/data": ENOENT: no such file or directory`.
 * Its facts hold property, errno and call. A fault of no step of the plan means the executor refused
 * the plan itself, or died: then the detail is all there is.
 */
export function blame(plan: Plan, fault: Fault, config: unknown): TsrunError {
  const step = plan.steps[fault.step];
  if (step === undefined) {
    const detail = fault.detail === '' ? '' : `: ${fault.detail}`;
    return new TsrunError('internal', `executor: ${formatErrno(fault.errno)}${detail}`, {
      errno: fault.errno,
    });
  }
  return new TsrunError(codeOf(step, fault), formatFault(step, fault, config), {
    property: step.origin,
    errno: fault.errno,
    call: step.op.call,
    failed: { step, detail: fault.detail, config },
  });
}

/** The text of a fault, or of a failure that was ignored but is worth a warning. */
export const formatFault = (step: Step, fault: Fault, config: unknown): string =>
  `${propertyOf(step, config)}${WORDING[step.op.call]?.(step.op, fault, valueAt(config, step.origin)) ?? plainWording(step.op, fault)}`;

/** `mounts[3] ("/data"): move_mount`: where an executor was that said nothing of why it ended. */
export const formatStep = (step: Step, config: unknown): string =>
  `${propertyOf(step, config)}${step.op.call}`;

const isErrno = (fault: Fault, name: `E${string}`) => fault.errno === errnoNumber(name);

function codeOf({ op, origin }: Step, fault: Fault): ErrorCode {
  if (op.call === 'find_executable' || op.call === 'execve') return executionCode(op, fault);
  return AREAS.find(([, pattern]) => pattern.test(`${op.call} ${origin}`))?.[0] ?? 'step-failed';
}

function executionCode(op: Op, fault: Fault): ErrorCode {
  // find_executable has found the program: what is missing is what it names.
  if (isErrno(fault, 'ENOENT') && op.call === 'execve') return 'exec-interpreter';
  if (isErrno(fault, 'ENOENT') || isErrno(fault, 'ENOTDIR')) return 'exec-missing';
  if (isErrno(fault, 'ENOEXEC') || isErrno(fault, 'ELIBBAD')) return 'exec-format';
  return isErrno(fault, 'EACCES') ? 'exec-denied' : 'step-failed';
}

/** What a failure is about, by its operation and property; the first row that matches. */
const AREAS: readonly (readonly [ErrorCode, RegExp])[] = [
  ['hook-failed', /^hook /],
  ['security-failed', / .*(seccomp|capabilities|apparmor|selinux|noNewPriv)/],
  ['cgroup-failed', /^cgroup_|^\w+_unit |\/(resources|cgroupsPath)/],
  ['mount-failed', / \/mounts|\/root|Paths$|Paths\//],
  ['namespace-failed', /^clone3 |\/(namespaces|[ug]idMappings)/],
];

/** `mounts[3] ("/data"): `, or nothing for a step no property asked for. */
function propertyOf(step: Step, config: unknown): string {
  if (step.origin === '') return '';
  const name = nameOf(valueAt(config, step.origin));
  return `${formatConfigPath(step.origin)}${name === undefined ? '' : ` (${name})`}: `;
}

/** What tells one element of a list from its siblings: a mount's destination, a namespace's type. */
const NAMING_KEYS = ['destination', 'path', 'type', 'name'] as const;

function nameOf(value: unknown): string | undefined {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value);
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = new Map<string, unknown>(Object.entries(value));
  for (const key of NAMING_KEYS) {
    const name = entries.get(key);
    if (typeof name === 'string') return quote(name);
  }
  return undefined;
}

/**
 * Operations whose failure has words of its own, which engines match: podman turns `executable file not
 * found in $PATH` and `no such file or directory` into exit status 127, `permission denied` into 126,
 * and takes a path in backquotes that holds /attr/ for a security label.
 */
const WORDING: {
  readonly [call: string]: (op: Op, fault: Fault, asked: unknown) => string;
} = {
  find_executable: (op, fault) => {
    const file = op.call === 'find_executable' ? op.file : '';
    if (isErrno(fault, 'ENOENT') && !file.includes('/')) {
      return `exec: ${quote(file)}: executable file not found in $PATH`;
    }
    return `exec: ${quote(file)}: stat ${file}: ${errnoText(fault.errno)}`;
  },
  execve: (op, fault) => {
    const file =
      fault.detail !== '' ? fault.detail : op.call === 'execve' ? (op.args[0] ?? '') : '';
    return `exec ${file}: ${errnoText(fault.errno)}`;
  },
  // The property names the destination already.
  move_mount: (op, fault, asked) => attachWording(op, fault, asked),
  attach: (op, fault, asked) => attachWording(op, fault, asked),
  // The detail is the attribute, below /proc.
  write_attr: (_op, fault) =>
    `write ${fault.detail === '' ? '' : `\`/proc/${fault.detail}\``}: ${formatErrno(fault.errno)}`,
  // Neither the filter nor the state is anything to read; the detail is what failed of the hand-over.
  seccomp: (_op, fault) => `seccomp: ${formatErrno(fault.errno)}${detailOf(fault)}`,
  // The property already names the hook.
  hook: (_op, fault) => (fault.detail === '' ? formatErrno(fault.errno) : fault.detail),
  write: (op, fault) => {
    const path = op.call === 'write' ? op.path : '';
    const hint = isErrno(fault, 'ENOENT') ? cgroupHint(path) : '';
    return `write ${quote(path)}: ${formatErrno(fault.errno)}${detailOf(fault)}${hint}`;
  },
};

/** `attach "/srv/data": ENOTDIR: not a directory (…)`: a mount by what it shows. */
const attachWording = (op: Op, fault: Fault, asked: unknown): string =>
  `${op.call}${sourceOf(asked)}: ${formatErrno(fault.errno)}${detailOf(fault)}`;

/** ` "/srv/data"` of an entry of mounts. */
const sourceOf = (asked: unknown): string =>
  typeof asked === 'object' &&
  asked !== null &&
  'source' in asked &&
  typeof asked.source === 'string'
    ? ` ${quote(asked.source)}`
    : '';

/**
 * Why a file of a cgroup is not there: v2 has it only where every group above hands its controller on,
 * which one with processes cannot, nor one of a threaded domain; or the kernel is too old for it.
 */
function cgroupHint(path: string): string {
  const [, controller] = /^\/sys\/fs\/cgroup\/.*\/([a-z_]+)\.[^/]+$/.exec(path) ?? [];
  return controller === undefined
    ? ''
    : ` (the controller ${controller} is not handed down to this cgroup, or has no such file)`;
}

/** `open_tree "/srv/data": ENOENT: no such file or directory`, detail behind in brackets. */
const plainWording = (op: Op, fault: Fault): string =>
  `${[op.call, ...objectsOf(op)].join(' ')}: ${formatErrno(fault.errno)}${detailOf(fault)}`;

const detailOf = (fault: Fault): string => (fault.detail === '' ? '' : ` (${fault.detail})`);

/** The strings an operation was given, in the order of its fields. */
const objectsOf = (op: Op): readonly string[] =>
  OPS[op.call].fields.flatMap((field: OpField) => {
    if (field.type !== 'str' && field.type !== 'str?') return [];
    const value = Object.entries(op).find(([name]) => name === field.name)?.[1];
    return typeof value === 'string' && value !== '' ? [quote(value)] : [];
  });
