/** `--trace FILE`: each step that is performed, with its time, as lines of JSON that `plan --timing` draws. */
import type { Tracer } from '../container/execute.ts';
import { engine } from '../engine/current.ts';
import { TsrunError } from '../errors.ts';
import { SystemError, unless } from '../linux/call.ts';
import { errnoName } from '../linux/constants/errno.ts';
import { O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from '../linux/constants/file.ts';
import { memoryFile } from '../linux/descriptors.ts';
import { type Fd, open, readFile, writeAll } from '../linux/files.ts';
import { LITTLE_ENDIAN, viewOf } from '../linux/memory.ts';
import { realTime } from '../linux/time.ts';
import { formatCall } from '../plan/print.ts';
import type { Plan, Step } from '../plan/step.ts';
import type { TracedStep } from './timing.ts';

export interface TraceFile {
  readonly of: (plan: Plan) => Tracer;
  /** Takes up the trace of `create` in `start`: the steps behind accept, whose first has this number. */
  readonly resume: (first: number, steps: readonly Step[]) => void;
  readonly write: () => void;
}

/** What is known of a step that was performed. Nanoseconds since 1970; `end` 0: it has not ended. */
interface Timed {
  readonly begin: bigint;
  readonly end: bigint;
  readonly error?: string;
  readonly output?: string;
}

/** A plan that is traced: its steps' records, and the number of its first step in the file. */
interface Traced {
  readonly plan: Plan;
  readonly first: number;
  readonly own: Map<number, Timed>;
  memory: Fd | undefined;
}

/** Opens FILE at once, so that a wrong path is told before anything is made. */
export function openTrace(path: string, memoryPath: string): TraceFile {
  const file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
  const plans: Traced[] = [];
  let isWritten = false;
  return {
    of: (plan) => {
      const first = plans.reduce(
        (sum, other) => Math.max(sum, other.first + other.plan.steps.length),
        0,
      );
      const traced: Traced = { plan, first, own: new Map(), memory: undefined };
      plans.push(traced);
      return tracerOf(traced, () => memoryAt(memoryPath, plan.steps.length));
    },
    resume: (first, steps) => {
      const memory = unless(['ENOENT'], () => open(memoryPath, O_RDONLY));
      if (memory === undefined) {
        throw new TsrunError(
          'usage',
          '--trace of start takes a container that was created with --trace',
        );
      }
      plans.push({ plan: { steps }, first, own: new Map(), memory });
    },
    write: () => {
      if (isWritten) return;
      isWritten = true;
      const lines = linesOf(plans).map((line) => `${JSON.stringify(line)}\n`);
      writeAll(file, engine().encodeUtf8(lines.join('')), path);
    },
  };
}

function tracerOf(traced: Traced, makeMemory: () => Fd): Tracer {
  const hooks: Traced[] = [];
  return {
    memory: () => {
      traced.memory = makeMemory();
      return traced.memory;
    },
    around: (index, perform) => {
      const begin = now();
      let error: string | undefined;
      try {
        perform();
      } catch (thrown) {
        error = errorOf(thrown);
        throw thrown;
      } finally {
        const hook = hooks.splice(0)[0];
        const output = hook === undefined ? undefined : recordsOf(hook, 0).get(0)?.output;
        const known = {
          ...(error === undefined ? {} : { error }),
          ...(output === undefined ? {} : { output }),
        };
        traced.own.set(index, { begin, end: now(), ...known });
      }
    },
    ofHook: (plan) => {
      const hook: Traced = { plan, first: 0, own: new Map(), memory: undefined };
      hooks.push(hook);
      return tracerOf(hook, () => memoryFile('trace', blank(plan.steps.length)));
    },
  };
}

function errorOf(thrown: unknown): string {
  if (thrown instanceof TsrunError) {
    return thrown.facts.errno === undefined ? thrown.message : errnoName(thrown.facts.errno);
  }
  return thrown instanceof SystemError ? errnoName(thrown.errno) : String(thrown);
}

function now(): bigint {
  const { seconds, nanoseconds } = realTime();
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

// native/trace.h: | u32 records | u32 bytes of text | u32 text used | u32 0 | record … | text … |
const HEADER_BYTES = 16;
const RECORD_BYTES = 32;
const TEXT_BYTES = 65_536;

function blank(steps: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + RECORD_BYTES * steps + TEXT_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, steps, LITTLE_ENDIAN);
  view.setUint32(4, TEXT_BYTES, LITTLE_ENDIAN);
  return bytes;
}

function memoryAt(path: string, steps: number): Fd {
  const fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600);
  writeAll(fd, blank(steps), path);
  return fd;
}

/** What the executor wrote, by step of the plan; `first` is the number of the plan's first record. */
function recordsOf({ memory, plan }: Traced, first: number): ReadonlyMap<number, Timed> {
  const records = new Map<number, Timed>();
  if (memory === undefined) return records;
  const bytes = readFile(`/proc/self/fd/${memory}`);
  const view = viewOf(bytes);
  const text = HEADER_BYTES + RECORD_BYTES * view.getUint32(0, LITTLE_ENDIAN);
  plan.steps.forEach((_, index) => {
    // record: | u64 begin | u64 end | i32 errno | u32 length of text | u32 offset of text | u32 0 |
    const at = HEADER_BYTES + RECORD_BYTES * (first + index);
    const begin = view.getBigUint64(at, LITTLE_ENDIAN);
    if (begin === 0n) return;
    const errno = view.getInt32(at + 16, LITTLE_ENDIAN);
    const [length, offset] = [
      view.getUint32(at + 20, LITTLE_ENDIAN),
      view.getUint32(at + 24, LITTLE_ENDIAN),
    ];
    const output = engine().decodeUtf8(bytes.subarray(text + offset, text + offset + length));
    records.set(index, {
      begin,
      end: view.getBigUint64(at + 8, LITTLE_ENDIAN),
      ...(errno === 0 ? {} : { error: errnoName(errno) }),
      ...(length === 0 ? {} : { output }),
    });
  });
  return records;
}

/** All steps in the order they began. What has not ended has taken until now: execve does not return. */
function linesOf(plans: readonly Traced[]): readonly TracedStep[] {
  const until = now();
  const all = plans.flatMap((traced) => {
    const { plan, first, own } = traced;
    const records = new Map([...recordsOf(traced, first), ...own]);
    return [...records].flatMap(([index, timed]) => {
      const step = plan.steps[index];
      return step === undefined ? [] : [{ step, number: first + index, timed }];
    });
  });
  const origin = all.reduce(
    (least, { timed }) => (timed.begin < least ? timed.begin : least),
    until,
  );
  return all
    .sort((a, b) => Number(a.timed.begin - b.timed.begin))
    .map(({ step, number, timed }) => lineOf(step, number, timed, origin, until));
}

function lineOf(
  step: Step,
  number: number,
  timed: Timed,
  origin: bigint,
  until: bigint,
): TracedStep {
  const { begin, end, error, output } = timed;
  const microseconds = (from: bigint, to: bigint) => Number(to - from) / 1000;
  const isIgnored = error !== undefined && (step.ignore ?? []).some((name) => name === error);
  const isWaiting = end === 0n && step.op.call === 'accept';
  return {
    step: number,
    actor: step.actor,
    origin: step.origin,
    call: formatCall(step),
    start: microseconds(origin, begin),
    took: isWaiting ? 0 : microseconds(begin, end === 0n ? until : end),
    ...(error === undefined ? {} : { [isIgnored ? 'ignored' : 'error']: error }),
    ...(output === undefined ? {} : { output }),
  };
}
