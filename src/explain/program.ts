/** Why the kernel would not execute a program: what execve(2) tells by one errno, told apart. */
import type { FileFacts } from '../linux/look.ts';

/** A file as the container sees it. */
export interface SeenFile {
  readonly facts: FileFacts;
  /** Its first bytes: PROGRAM_HEAD of them, or all there are. */
  readonly head: Uint8Array;
}

/** How much of a program is looked at: the kernel reads 256 bytes of a script, program headers come soon. */
export const PROGRAM_HEAD = 4096;

/** The container's files: a file, undefined where there is none, `unseen` where that cannot be known. */
export type View = (containerPath: string) => SeenFile | undefined | 'unseen';

export interface Execution {
  readonly file: string;
  /** PATH of process.env. */
  readonly search: string | undefined;
  readonly uid: number;
  readonly gids: readonly number[];
  readonly machine: 'x86_64' | 'aarch64';
}

const STANDARD = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** A clause that says why the program cannot be executed; undefined when nothing is found to be wrong. */
export function programProblem(view: View, run: Execution): string | undefined {
  if (run.file.includes('/')) return fileProblem(view, run, run.file, 0);
  const directories = (run.search ?? '').split(':').filter((path) => path.startsWith('/'));
  const candidates = directories.map((directory) => `${directory}/${run.file}`);
  const seen = candidates.map((path) => ({ path, file: view(path) }));
  if (seen.some(({ file }) => file === 'unseen')) return undefined;
  const found = seen.find(({ file }) => file !== undefined && isFile(file) && mayRun(file, run));
  if (found !== undefined) return fileProblem(view, run, found.path, 0);
  const present = seen.find(({ file }) => file !== undefined);
  if (present !== undefined) return fileProblem(view, run, present.path, 0);
  if (directories.length === 0) return 'PATH is not in process.env, so no directory is searched';
  const elsewhere = STANDARD.map((directory) => `${directory}/${run.file}`).find((path) =>
    isThere(view(path)),
  );
  return elsewhere === undefined
    ? `it is in no directory of PATH (${directories.join(':')})`
    : `it is at ${elsewhere}, which is not in PATH (${directories.join(':')})`;
}

const isThere = (file: ReturnType<View>): boolean => file !== undefined && file !== 'unseen';

const S_IFMT = 0o170000;
const isFile = (file: ReturnType<View>): boolean =>
  typeof file === 'object' && (file.facts.mode & S_IFMT) === 0o100000;

function mayRun(file: ReturnType<View>, { uid, gids }: Execution): boolean {
  if (typeof file !== 'object') return true;
  const { mode, uid: owner, gid } = file.facts;
  if (uid === 0) return (mode & 0o111) !== 0;
  if (uid === owner) return (mode & 0o100) !== 0;
  return (mode & (gids.includes(gid) ? 0o010 : 0o001)) !== 0;
}

/** Of a file; an interpreter's interpreter is looked at too, the kernel follows five. */
function fileProblem(view: View, run: Execution, path: string, depth: number): string | undefined {
  const file = view(path);
  if (file === 'unseen' || depth > 4) return undefined;
  if (file === undefined) return depth === 0 ? `${path} does not exist` : undefined;
  const { facts, head } = file;
  if (!isFile(file)) return `${path} is not a file`;
  if (!mayRun(file, run)) {
    const mode = (facts.mode & 0o7777).toString(8).padStart(4, '0');
    return `${path} has mode ${mode}, owner ${facts.uid}:${facts.gid}: user ${run.uid} may not execute it`;
  }
  if (facts.isNoexec) return `${path} is on a mount with the option noexec`;
  if (head.length === 0) return `${path} is empty`;
  if (isElf(head)) return elfProblem(view, run, path, head);
  if (head[0] === 0x23 && head[1] === 0x21) return scriptProblem(view, run, path, head, depth);
  return `${path} is neither an ELF program nor a script that begins with #!`;
}

function scriptProblem(
  view: View,
  run: Execution,
  path: string,
  head: Uint8Array,
  depth: number,
): string | undefined {
  const end = head.indexOf(0x0a);
  const line = String.fromCharCode(...head.subarray(2, end < 0 ? 256 : end)).trimStart();
  const interpreter = /^[^ \t]*/.exec(line)?.[0] ?? '';
  if (interpreter === '') return `${path} has a first line #! that names no interpreter`;
  if (line.endsWith('\r')) {
    return `the first line of ${path} ends with CR LF, so its interpreter would be ${JSON.stringify(interpreter)}: save it with Unix line ends`;
  }
  const found = view(interpreter);
  if (found === undefined) return `${interpreter}, the interpreter of ${path}, does not exist`;
  return fileProblem(view, run, interpreter, depth + 1);
}

const isElf = (head: Uint8Array): boolean =>
  head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;

/** e_machine of elf(5), and which of these each kernel runs. */
const MACHINES: { readonly [machine: number]: string } = {
  3: 'x86 (32 bits)',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC (64 bits)',
  22: 's390x',
  40: 'arm (32 bits)',
  62: 'x86-64',
  183: 'arm64',
  243: 'RISC-V',
  258: 'LoongArch',
};
const RUNS = { x86_64: [62, 3], aarch64: [183, 40] } as const;
const PT_INTERP = 3;

/** elf(5): class, byte order, machine, then the program headers for the path of the dynamic loader. */
function elfProblem(
  view: View,
  { machine }: Execution,
  path: string,
  head: Uint8Array,
): string | undefined {
  const data = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const isLittle = head[5] !== 2;
  const is64 = head[4] === 2;
  if (head.length < 52) return `${path} is cut off in its ELF header`;
  const kind = data.getUint16(18, isLittle);
  if (!RUNS[machine].some((known) => known === kind)) {
    const name = MACHINES[kind] ?? `machine ${kind}`;
    return `${path} is a program for ${name}, and this machine is ${machine === 'x86_64' ? 'x86-64' : 'arm64'}`;
  }
  const word = (offset: number) =>
    is64 ? Number(data.getBigUint64(offset, isLittle)) : data.getUint32(offset, isLittle);
  const [table, size, count] = is64
    ? [word(32), data.getUint16(54, isLittle), data.getUint16(56, isLittle)]
    : [word(28), data.getUint16(42, isLittle), data.getUint16(44, isLittle)];
  for (let entry = table; entry < table + size * count; entry += size) {
    if (entry + size > head.length) return undefined;
    if (data.getUint32(entry, isLittle) !== PT_INTERP) continue;
    const [offset, length] = is64
      ? [word(entry + 8), word(entry + 32)]
      : [word(entry + 4), word(entry + 16)];
    if (offset + length > head.length || length === 0) return undefined;
    const loader = String.fromCharCode(...head.subarray(offset, offset + length - 1));
    if (view(loader) !== undefined) return undefined;
    const library = loader.includes('musl')
      ? 'musl'
      : loader.includes('ld-linux')
        ? 'glibc'
        : 'another C library';
    return `${loader}, the dynamic loader of ${path}, does not exist: the program was built for ${library}, which the root file system lacks`;
  }
  return undefined;
}
