/** The engine on QuickJS: the C shim (native/quickjs/host.c) is the global object `tsrunHost`. */
import type { CFunction, Engine, Signature } from './engine.ts';

interface Host {
  readonly machine: Engine['machine'];
  bind(name: string, signature: Signature, library: string | undefined): CFunction;
  errno(): number;
  address(buffer: Uint8Array): bigint;
  peek(address: bigint | number, length: number): Uint8Array;
  readonly readText: Engine['readText'];
  decodeUtf8(bytes: Uint8Array, start?: number, end?: number): string;
  encodeUtf8(text: string): Uint8Array;
  encodeInto(text: string, target: Uint8Array, offset: number): number;
  readonly encodeSteps: Engine['encodeSteps'];
  args(): string[];
  self(): string[];
  environ(): string[];
  executorImage(): Uint8Array;
  exit(status: number): never;
  onStart(start: () => void): void;
}

declare const tsrunHost: Host;

/**
 * The engine of this QuickJS process. What differs from process to process is asked for when it is first
 * read: the modules' top level runs when tsrun is built, not when it starts.
 */
export function quickjsEngine(): Engine {
  let args: readonly string[] | undefined;
  let self: readonly string[] | undefined;
  let environ: readonly string[] | undefined;

  return {
    name: 'quickjs',
    machine: tsrunHost.machine,
    get args() {
      args ??= tsrunHost.args();
      return args;
    },
    get self() {
      self ??= tsrunHost.self();
      return self;
    },
    get environ() {
      environ ??= tsrunHost.environ();
      return environ;
    },
    bind: (name, signature, library) => tsrunHost.bind(name, signature, library),
    errno: tsrunHost.errno,
    address: tsrunHost.address,
    peek: tsrunHost.peek,
    readText: tsrunHost.readText,
    decodeUtf8: tsrunHost.decodeUtf8,
    encodeUtf8: tsrunHost.encodeUtf8,
    encodeInto: tsrunHost.encodeInto,
    encodeSteps: tsrunHost.encodeSteps,
    ownsDescriptor: () => false,
    keepSignals: () => {},
    executorImage: tsrunHost.executorImage,
    exit: tsrunHost.exit,
  };
}

/** `start` is the program: called once in every process, with nothing of the top level run again. */
export const onStart = (start: () => void): void => tsrunHost.onStart(start);

/**
 * Has QuickJS make the language's own functions that src/ calls, which it else does in every process, where one is
 * looked up first.
 */
export function makeBuiltins(): void {
  const types = [Array, DataView, Date, Map, Number, Object, RegExp, Set, String, Uint8Array];
  const views = Object.getPrototypeOf(Uint8Array);
  const iterators = [[].values(), new Map().values(), new Set().values()];
  const owners = [
    ...[JSON, Math, views, ...types],
    ...[views, ...types].map(({ prototype }) => prototype),
    ...iterators.map(Object.getPrototypeOf),
  ];
  for (const owner of owners) Object.getOwnPropertyDescriptors(owner);
}
