/**
 * Compiled seccomp filters, kept beside the containers: compiling the profile of an engine takes longer
 * than all else of `create`, and every container of an engine has the same one.
 */
import { engine } from '../engine/current.ts';
import { filterFailed } from '../errors.ts';
import { SystemError, unless } from '../linux/call.ts';
import type { SeccompFilter } from '../linux/constants/seccomp.ts';
import { mkdir, readFile, replaceFile } from '../linux/files.ts';
import { libraryVersion } from '../linux/libseccomp.ts';
import { LITTLE_ENDIAN, viewOf } from '../linux/memory.ts';
import { getpid } from '../linux/processes.ts';
import { compileFilter } from '../linux/seccompFilter.ts';

/** No container's id can have this name: `@` is not allowed in one. */
const DIRECTORY = '@seccomp';

/** `struct sock_filter` and how many of it the kernel takes: BPF_MAXINSNS. */
const INSTRUCTION_BYTES = 8;
const MAX_INSTRUCTIONS = 4096;

/**
 * Compiles filters, or finds them below the state root. A file holds what its filter was compiled from,
 * in full: it is used only where that is the same, so neither a collision of names nor a file that was
 * cut or comes from another version can give a container a wrong filter. Who can write there can write
 * state.json too. TsrunError names linux.seccomp.
 */
export const filterCompiler =
  (root: string) =>
  (filter: SeccompFilter): Uint8Array => {
    try {
      const key = engine().encodeUtf8(keyOf(filter));
      const directory = `${root}/${DIRECTORY}`;
      const path = `${directory}/${nameOf(key)}`;
      const kept = unless(['ENOENT', 'EACCES'], () => readFile(path));
      const found = kept === undefined ? undefined : programOf(kept, key);
      if (found !== undefined) return found;
      const program = compileFilter(filter);
      keep(directory, path, recordOf(key, program));
      return program;
    } catch (thrown) {
      throw filterFailed(
        thrown instanceof Error || thrown instanceof SystemError ? thrown.message : String(thrown),
      );
    }
  };

/** All that the program depends on. */
const keyOf = (filter: SeccompFilter): string =>
  `${engine().machine} libseccomp ${libraryVersion()}\n${JSON.stringify(
    filter,
    (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
  )}`;

/** Two 32-bit FNV-1a sums in hexadecimal: only a name, the key itself is compared. */
function nameOf(key: Uint8Array): string {
  let forward = 0x811c_9dc5;
  let backward = 0x811c_9dc5;
  for (let i = 0; i < key.length; i += 1) {
    forward = Math.imul(forward ^ (key[i] ?? 0), 0x0100_0193);
    backward = Math.imul(backward ^ (key[key.length - 1 - i] ?? 0), 0x0100_0193);
  }
  return [forward, backward].map((sum) => (sum >>> 0).toString(16).padStart(8, '0')).join('');
}

/** `| u32 bytes of the key | key | program |` */
function recordOf(key: Uint8Array, program: Uint8Array): Uint8Array {
  const record = new Uint8Array(4 + key.length + program.length);
  viewOf(record).setUint32(0, key.length, LITTLE_ENDIAN);
  record.set(key, 4);
  record.set(program, 4 + key.length);
  return record;
}

/** The program of a record with this key and a length that can be; undefined for anything else. */
function programOf(record: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  const start = 4 + key.length;
  const length = record.length - start;
  if (length <= 0 || length % INSTRUCTION_BYTES !== 0) return undefined;
  if (length / INSTRUCTION_BYTES > MAX_INSTRUCTIONS) return undefined;
  if (viewOf(record).getUint32(0, LITTLE_ENDIAN) !== key.length) return undefined;
  return key.every((byte, i) => record[4 + i] === byte) ? record.slice(start) : undefined;
}

/** A filter that cannot be kept (a full or read-only file system) is compiled again the next time. */
function keep(directory: string, path: string, record: Uint8Array): void {
  try {
    unless(['EEXIST'], () => mkdir(directory, 0o700));
    replaceFile(path, `${path}.${getpid()}`, record, 0o600);
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
  }
}
