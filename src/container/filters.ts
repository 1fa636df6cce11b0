/**
 * Compiled seccomp filters, kept beside the containers: compiling the profile of an engine takes longer
 * than all else of `create`, and every container of an engine has the same one.
 */
import { engine } from '../engine/current.ts';
import { filterFailed } from '../errors.ts';
import { SystemError, unless } from '../linux/call.ts';
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '../linux/constants/file.ts';
import type { SeccompCondition, SeccompFilter } from '../linux/constants/seccomp.ts';
import {
  closing,
  type Fd,
  mkdir,
  open,
  openat,
  ownerOf,
  readAll,
  replaceFile,
} from '../linux/files.ts';
import { libraryVersion } from '../linux/libseccomp.ts';
import { LITTLE_ENDIAN, viewOf } from '../linux/memory.ts';
import { geteuid, getpid } from '../linux/processes.ts';
import { COMPILER, compileFilter } from '../linux/seccompFilter.ts';

/** No container's id can have this name: `@` is not allowed in one. */
const DIRECTORY = '@seccomp';

/** `struct sock_filter` and how many of it the kernel takes: BPF_MAXINSNS. */
const INSTRUCTION_BYTES = 8;
const MAX_INSTRUCTIONS = 4096;

/**
 * Compiles filters, or finds them below the state root. A file there decides what a container may do, so it
 * is used only
 * - when it and its directory are the user's own, and nobody else may write to them;
 * - when it holds, in full, what this filter is compiled from: neither a collision of names nor a file of
 *   another version can give a container a wrong filter;
 * - when the program is the one that was written, by its sum: a file that rotted is compiled again.
 *
 * Who can write there nevertheless is the user, who can write state.json too. TsrunError names linux.seccomp.
 */
export const filterCompiler =
  (root: string) =>
  (filter: SeccompFilter): Uint8Array => {
    try {
      const key = keyOf(filter);
      const name = nameOf(key);
      const directory = `${root}/${DIRECTORY}`;
      return (
        inDirectory(directory, (fd) => find(fd, name, key)) ??
        compileAndKeep(filter, directory, name, key)
      );
    } catch (thrown) {
      throw filterFailed(
        thrown instanceof Error || thrown instanceof SystemError ? thrown.message : String(thrown),
      );
    }
  };

/** A filter that cannot be kept (a full or read-only file system) is compiled again the next time. */
function compileAndKeep(
  filter: SeccompFilter,
  directory: string,
  name: string,
  key: Key,
): Uint8Array {
  const program = compileFilter(filter);
  try {
    unless(['EEXIST'], () => mkdir(directory, 0o700));
    inDirectory(directory, (fd) => {
      replaceFile(name, `${name}.${getpid()}`, recordOf(key.bytes, program), 0o600, fd);
    });
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
  }
  return program;
}

/** undefined when the directory is missing, or not the user's alone. */
function inDirectory<T>(path: string, use: (fd: Fd) => T): T | undefined {
  const fd = unless(NOT_THERE, () => open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (fd === undefined) return undefined;
  return closing(fd, () => (isOwn(fd, S_IFDIR) ? use(fd) : undefined));
}

/** O_NONBLOCK: a FIFO in its place is not waited for. */
function find(directory: Fd, name: string, key: Key): Uint8Array | undefined {
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  const fd = unless(NOT_THERE, () => openat(directory, name, flags));
  if (fd === undefined) return undefined;
  return closing(fd, () => (isOwn(fd, S_IFREG) ? programOf(readAll(fd), key) : undefined));
}

/** ELOOP: a symlink is what it is, not what it leads to. */
const NOT_THERE = ['ENOENT', 'EACCES', 'ELOOP', 'ENOTDIR', 'ENXIO', 'ENODEV'] as const;

const OTHERS_MAY_WRITE = 0o022;

function isOwn(fd: Fd, type: number): boolean {
  const { uid, mode } = ownerOf(fd);
  return (mode & S_IFMT) === type && (mode & OTHERS_MAY_WRITE) === 0 && uid === geteuid();
}

/** All that the program depends on: a text, and its bytes, which are whole words. */
interface Key {
  readonly text: string;
  readonly bytes: Uint8Array;
}

function keyOf({ architectures, action, rules, known }: SeccompFilter): Key {
  const versions = [COMPILER, engine().machine, libraryVersion()];
  const text = JSON.stringify([
    versions,
    architectures,
    action,
    rules.map((rule) => [rule.names, rule.action, rule.conditions.map(wordsOf)]),
    known,
  ]);
  const encoded = engine().encodeUtf8(text);
  const missing = -encoded.length & 3;
  const bytes = new Uint8Array(encoded.length + missing).fill(' '.charCodeAt(0));
  bytes.set(encoded);
  return { text: text + ' '.repeat(missing), bytes };
}

const wordsOf = ({ index, operator, value, valueTwo }: SeccompCondition) =>
  [index, operator, value.toString(), valueTwo.toString()] as const;

const FNV_OFFSET = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;

/** A 32-bit FNV-1a sum over words. */
function sumOf(words: Uint32Array, start: number): number {
  let sum = start;
  for (let i = 0; i < words.length; i += 1) sum = Math.imul(sum ^ (words[i] ?? 0), FNV_PRIME);
  return sum >>> 0;
}

/** Length and sum in hexadecimal: only a name, the key itself is compared. */
const nameOf = ({ bytes }: Key): string =>
  [bytes.length, sumOf(wordsIn(bytes), FNV_OFFSET)]
    .map((number) => number.toString(16).padStart(8, '0'))
    .join('');

/** The words of bytes that begin where words do. */
const wordsIn = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

const HEADER_BYTES = 8;

/** `| u32 bytes of the key | u32 sum of the program | key | program |`, all of whole words. */
function recordOf(key: Uint8Array, program: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + key.length + program.length);
  record.set(key, HEADER_BYTES);
  record.set(program, HEADER_BYTES + key.length);
  const view = viewOf(record);
  view.setUint32(0, key.length, LITTLE_ENDIAN);
  view.setUint32(
    4,
    sumOf(wordsIn(record.subarray(HEADER_BYTES + key.length)), FNV_OFFSET),
    LITTLE_ENDIAN,
  );
  return record;
}

/** The program of a record with this key and a length that can be; undefined for anything else. */
function programOf(record: Uint8Array, key: Key): Uint8Array | undefined {
  const start = HEADER_BYTES + key.bytes.length;
  const length = record.length - start;
  if (length <= 0 || length % INSTRUCTION_BYTES !== 0) return undefined;
  if (length / INSTRUCTION_BYTES > MAX_INSTRUCTIONS) return undefined;
  const view = viewOf(record);
  if (view.getUint32(0, LITTLE_ENDIAN) !== key.bytes.length) return undefined;
  // As texts: to compare words one by one takes QuickJS longer than all else here.
  if (engine().decodeUtf8(record, HEADER_BYTES, start) !== key.text) return undefined;
  const program = record.slice(start);
  return sumOf(wordsIn(program), FNV_OFFSET) === view.getUint32(4, LITTLE_ENDIAN)
    ? program
    : undefined;
}
