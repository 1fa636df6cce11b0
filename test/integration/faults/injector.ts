/** inject.c from the tests: which system calls a verb makes, and the verb with one of them failing. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Containers, type Result, TOP } from '../runtime.ts';

/** A system call of one process of a verb. */
export interface Point {
  /** In the order the processes come to be; 0 is the command itself. */
  readonly process: number;
  /** Its place among the calls of that process, from 1 on. */
  readonly call: number;
  /** The process it was forked from, -1 for none. */
  readonly parent: number;
  /** The base name of what the process runs. */
  readonly program: string;
  /** As unistd.h names it. */
  readonly name: string;
  /** The path it is about; `-` for none. */
  readonly object: string;
}

export interface Trial {
  readonly result: Result;
  /** The call that was made to fail; undefined when it did not come to it. */
  readonly hit: Point | undefined;
  /** Processes that still ran at the end. */
  readonly alive: readonly { readonly process: number; readonly pid: number }[];
  /** They waited for one another without end, and were killed. */
  readonly hangs: boolean;
}

/** A point's call fails with `errno`; `kill`: its process gets SIGKILL before it is made. */
export interface Fault {
  readonly at: Pick<Point, 'process' | 'call'>;
  readonly by: number | 'kill';
}

export interface Injector {
  /** Every call the verb makes when nothing fails; `attached` is a process traced beside it, as number 1. */
  record(args: readonly string[], attached?: number): readonly Point[];
  fail(args: readonly string[], fault: Fault, attached?: number): Trial;
}

/** Compiles inject.c into the test's directory. */
export function makeInjector(t: Containers): Injector {
  const program = join(t.directory, 'inject');
  const source = join(TOP, 'test/integration/faults/inject.c');
  const made = spawnSync('cc', ['-O2', '-o', program, source], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  const names = systemCallNames();
  const log = join(t.directory, 'inject.log');
  const trace = (args: readonly string[], options: readonly string[], attached?: number) => {
    const attach = attached === undefined ? [] : ['-a', String(attached)];
    const prefix = [program, '-l', log, ...attach, ...options];
    const result = t.call(args, { prefix, timeoutMs: 60_000 });
    return { result, ...parseLog(readFileSync(log, 'utf8'), names) };
  };
  return {
    record(args, attached) {
      const { result, points } = trace(args, [], attached);
      if (result.status !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`);
      return points;
    },
    fail(args, { at, by }, attached) {
      const place = `${at.process}:${at.call}`;
      const options = by === 'kill' ? ['-k', place] : ['-f', `${place}:${by}`];
      const { points, ...rest } = trace(args, options, attached);
      return { ...rest, hit: points[0] };
    },
  };
}

function parseLog(text: string, names: ReadonlyMap<number, string>) {
  const points: Point[] = [];
  const alive: { process: number; pid: number }[] = [];
  let hangs = false;
  for (const line of text.split('\n')) {
    const [what, process, call, parent, program = '', number, object = '-'] = line.split(' ');
    if (what === 'hang') hangs = true;
    if (what === 'alive') alive.push({ process: Number(process), pid: Number(call) });
    if (what !== 'call') continue;
    points.push({
      process: Number(process),
      call: Number(call),
      parent: Number(parent),
      program,
      name: names.get(Number(number)) ?? `call ${number}`,
      object,
    });
  }
  return { points, alive, hangs };
}

/** Names of system calls by number, from the C compiler's headers. */
function systemCallNames(): ReadonlyMap<number, string> {
  const args = ['-E', '-dM', '-include', 'sys/syscall.h', '-x', 'c', '/dev/null'];
  const { stdout } = spawnSync('cc', args, { encoding: 'utf8' });
  const defined = stdout.matchAll(/^#define __NR_(\w+) (\d+)$/gm);
  return new Map([...defined].map(([, name = '', number]) => [Number(number), name]));
}
