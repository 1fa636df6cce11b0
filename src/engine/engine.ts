/**
 * The seam between tsrun and the program that hosts it. Everything above reaches the machine through
 * this interface alone, so that the same lines run on Node (koffi) and on QuickJS (a small C shim).
 */

/** What one parameter of a C function takes: an integer, a NUL-terminated UTF-8 string, a pointer. */
export type CValue = number | bigint | string | Uint8Array | null;

/** A step of a plan, as far as the engine has to know it. */
export interface WireStep {
  readonly actor: string;
  readonly op: { readonly call: string };
  readonly ignore?: readonly `E${string}`[];
  readonly warn?: true;
}

/** How steps become bytes: the layouts are generated from schemas/ops.json. */
export interface Wire {
  /** The numbers of the actors whose steps travel. */
  readonly actors: Readonly<Record<string, number>>;
  readonly layouts: Readonly<Record<string, Layout>>;
  readonly errnos: Readonly<Record<string, number>>;
  /** The machine's own flags of open(2). */
  openFlags(flags: number): number;
  filter(filter: unknown): Uint8Array;
}

/**
 * Of an operation: its number, a bit for each actor that performs it (1 << its number), and its fields, a letter
 * for the kind and the name each, with spaces between: `lroot spath uflags`.
 */
export type Layout = readonly [opcode: number, actors: number, fields: string];

export interface EncodedSteps {
  readonly bytes: Uint8Array;
  /** The steps in them. */
  readonly count: number;
  /** The slots that they name, each at its number. */
  readonly slots: readonly string[];
}

/**
 * How a C function is called: result, `:`, parameters.
 * - result `i` int (32 bits, signed), `l` long/ssize_t/pointer (64 bits, signed), `v` void
 * - parameter `i` any integer, `s` string, `p` pointer (a Uint8Array's memory, a number as address,
 *   or null)
 */
export type Signature = `${'i' | 'l' | 'v'}:${string}`;

/** Returns a number: a long or pointer beyond 2^53 does not occur in the calls tsrun makes. */
export type CFunction = (...args: CValue[]) => number;

export interface FailedCall {
  readonly call: 'openat' | 'read' | 'close';
  readonly errno: number;
}

export interface Engine {
  readonly name: 'node' | 'quickjs';
  /** The machine's architecture as uname(2) names it. */
  readonly machine: 'x86_64' | 'aarch64';
  /** The arguments after the program's name. */
  readonly args: readonly string[];
  /** The command that runs this program again: argv of a new process. */
  readonly self: readonly string[];
  /** The environment as `KEY=VALUE` strings, in order. */
  readonly environ: readonly string[];

  /** Finds a function of the C library (`library` null) or of a shared library; throws if absent. */
  bind(name: string, signature: Signature, library?: string): CFunction;
  /** errno as the last call left it. */
  errno(): number;
  /** The address of a buffer's memory; valid while the buffer lives and is not resized. */
  address(buffer: Uint8Array): bigint;
  /** Copies `length` bytes at an address. */
  peek(address: bigint | number, length: number): Uint8Array;

  /**
   * The text of a whole file, relative paths below an open directory (openat(2)): opened, read to its end and closed.
   * Invalid sequences become U+FFFD.
   */
  readText(dirfd: number, path: string): string | FailedCall;

  /** The text of bytes from `start` up to `end`, all where absent. Invalid sequences become U+FFFD. */
  decodeUtf8(bytes: Uint8Array, start?: number, end?: number): string;
  encodeUtf8(text: string): Uint8Array;
  /**
   * Writes a text for C at an offset of `target`: how many bytes, -1 when there is no room. RangeError
   * for what would not arrive as it is: a NUL, half a surrogate pair.
   */
  encodeInto(text: string, target: Uint8Array, offset: number): number;
  /**
   * The steps of the wire's actors as native/README.md draws them. A step yields to the runtime first when steps
   * of others stand between it and the one before. RangeError for what does not fit its field, what encodeInto
   * refuses, and an operation that is not its actor's.
   */
  encodeSteps(steps: readonly WireStep[], wire: Wire): EncodedSteps;

  /** Whether an open descriptor is the engine's own: not the caller's, and not for anybody else. */
  ownsDescriptor(fd: number): boolean;
  /**
   * Has the signals that are for this process wait for the calling thread, which has them blocked: an engine
   * with other threads passes on what these get.
   */
  keepSignals(): void;

  /** The executor's ELF image, to be copied into a sealed memfd. */
  executorImage(): Uint8Array;
  exit(status: number): never;
}
