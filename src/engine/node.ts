/** The engine on Node: koffi calls the C library, the executor's image lies beside the bundle. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { encodeSteps } from './encode.ts';
import type { CFunction, Engine, Signature } from './engine.ts';
import { textReader } from './readText.ts';

const TYPES: Readonly<Record<string, string>> = {
  i: 'int',
  l: 'int64_t',
  v: 'void',
};
const PARAMETERS: Readonly<Record<string, string>> = {
  i: 'int64_t',
  s: 'const char *',
  p: 'void *',
};

/** NUL, and with `u` a surrogate that is alone. */
const UNSPEAKABLE = /[\0\ud800-\udfff]/u;

const MACHINES: Readonly<Record<string, Engine['machine']>> = { x64: 'x86_64', arm64: 'aarch64' };

/** The engine of this Node process. */
export function nodeEngine(): Engine {
  const machine = MACHINES[process.arch];
  if (machine === undefined) throw new Error(`no support for ${process.arch}`);
  const libraries = new Map<string | undefined, ReturnType<typeof koffi.load>>();
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let environ: readonly string[] | undefined;
  let readText: Engine['readText'] | undefined;
  const bind: Engine['bind'] = (name, signature, library) => {
    let loaded = libraries.get(library);
    if (loaded === undefined) {
      loaded = koffi.load(library ?? null);
      libraries.set(library, loaded);
    }
    return loaded.func(name, ...prototype(signature)) as CFunction;
  };
  const errno = () => koffi.errno();
  const decodeUtf8: Engine['decodeUtf8'] = (bytes, start, end) =>
    decoder.decode(bytes.subarray(start, end));
  const encodeInto: Engine['encodeInto'] = (text, target, offset) => {
    if (UNSPEAKABLE.test(text)) throw new RangeError('a text for C holds NUL or half a pair');
    const { read, written } = encoder.encodeInto(text, target.subarray(offset));
    return read === text.length ? written : -1;
  };

  return {
    name: 'node',
    machine,
    args: process.argv.slice(2),
    self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
    get environ() {
      environ ??= Object.entries(process.env).map(([key, value]) => `${key}=${value}`);
      return environ;
    },
    bind,
    errno,
    address: (buffer) => koffi.address(buffer),
    peek: (address, length) => new Uint8Array(koffi.view(BigInt(address), length)).slice(),
    readText: (dirfd, path) => {
      readText ??= textReader({ bind, errno, decodeUtf8 });
      return readText(dirfd, path);
    },
    decodeUtf8,
    encodeUtf8: (text) => encoder.encode(text),
    encodeInto,
    encodeSteps: (steps, wire) => encodeSteps(steps, wire, encodeInto),
    ownsDescriptor,
    // It is native code: a handler runs on whatever thread the signal finds, where JavaScript cannot.
    keepSignals: () => koffi.load(beside('tsrun-signals.so')).func('tsr_keep_signals', 'int', [])(),
    executorImage: () => readFileSync(beside('tsrun-init')),
    exit: (status) => process.exit(status),
  };
}

function prototype(signature: Signature): [result: string, parameters: string[]] {
  const [result = '', parameters = ''] = signature.split(':');
  return [typeOf(TYPES, result), [...parameters].map((letter) => typeOf(PARAMETERS, letter))];
}

function typeOf(types: Readonly<Record<string, string>>, letter: string): string {
  const type = types[letter];
  if (type === undefined) throw new Error(`no type has the letter ${JSON.stringify(letter)}`);
  return type;
}

/** A native part, from the bundle `dist/tsrun.mjs` or from `src/engine/node.ts`. */
function beside(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return here.endsWith('/src/engine') ? join(here, '../../dist', name) : join(here, name);
}

const DESCRIPTORS = '/proc/self/fd';

/**
 * Node's event loops each have an eventpoll, an eventfd and a pipe to themselves, at the lowest numbers the
 * caller left free. A pipe the caller hands down has one end here; an eventpoll or eventfd of its own would
 * be taken for Node's.
 */
function ownsDescriptor(fd: number): boolean {
  const file = targetOf(fd);
  if (file === 'anon_inode:[eventpoll]' || file === 'anon_inode:[eventfd]') return true;
  const others = readdirSync(DESCRIPTORS).map(Number);
  return (
    file.startsWith('pipe:') && others.some((other) => other !== fd && targetOf(other) === file)
  );
}

/** What the descriptor is of; empty when it has been closed meanwhile. */
function targetOf(fd: number): string {
  try {
    return readlinkSync(join(DESCRIPTORS, `${fd}`));
  } catch {
    return '';
  }
}
