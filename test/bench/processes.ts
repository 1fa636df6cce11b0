/**
 * Every program the benchmark runs, it runs here: each with a limit, and none outlives the benchmark when
 * that is told to stop.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** Between "stop" and "now": a program that cleans up is given this long. */
const GRACE_MS = 2000;

const interruption = new AbortController();
const relayed = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Who started the benchmark; when it is gone nobody waits for the figures. */
const parent = process.ppid;

/** From now on SIGINT, SIGTERM and SIGHUP end the benchmark by way of its clean-up. */
export function stopOnSignals(): void {
  for (const signal of relayed) process.on(signal, () => interruption.abort(signal));
}

/** 128 and the number of the signal that ended the benchmark; undefined while it goes on. */
export function interruptedStatus(): number | undefined {
  if (!interruption.signal.aborted) return undefined;
  const name = relayed.find((signal) => signal === interruption.signal.reason) ?? 'SIGHUP';
  return 128 + constants.signals[name];
}

/** Throws when the benchmark has been told to stop. */
export function ensureGoing(): void {
  if (process.ppid !== parent) interruption.abort('SIGHUP');
  if (interruption.signal.aborted) throw new Error(`stopped by ${interruption.signal.reason}`);
}

export interface Ended {
  /** The exit status, 128 and the signal's number, or 124 where the limit was passed. */
  readonly status: number;
  /** The last lines it wrote to standard error. */
  readonly errors: string;
}

export interface Options {
  readonly limitMs: number;
  /** Where standard error goes: a file, because a container would hold a pipe open. */
  readonly errorFile: string;
  /** For the clean-up: run it although the benchmark has been told to stop. */
  readonly evenAtEnd?: boolean;
}

/** A program that runs beside the benchmark. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
}

/** Starts a program without standard input and output. Rejects when there is no such program. */
export function begin(command: readonly string[], options: Options): Running {
  if (options.evenAtEnd !== true) ensureGoing();
  const [program = '', ...args] = command;
  const errors = openSync(options.errorFile, 'w');
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', errors] });
  closeSync(errors);
  return { pid: child.pid ?? 0, ended: endOf(child, options) };
}

/** Runs a program to its end. */
export const run = (command: readonly string[], options: Options): Promise<Ended> =>
  begin(command, options).ended;

function endOf(child: ChildProcess, options: Options): Promise<Ended> {
  let isLate = false;
  let hard: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    hard ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  };
  const limit = setTimeout(() => {
    isLate = true;
    stop();
  }, options.limitMs);
  if (options.evenAtEnd !== true) interruption.signal.addEventListener('abort', stop);
  return new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      const number = signal === null ? 0 : constants.signals[signal];
      resolve({
        status: isLate ? 124 : (status ?? 128 + number),
        errors: readFileSync(options.errorFile, 'utf8').trim().split('\n').slice(-3).join('; '),
      });
    });
  }).finally(() => {
    clearTimeout(limit);
    clearTimeout(hard);
    interruption.signal.removeEventListener('abort', stop);
  });
}
