/** The two C programs of the benchmark, compiled when their sources are newer. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const TOP = resolve(import.meta.dirname, '../..');
/** What the benchmark makes and keeps. */
export const OUTPUT = join(TOP, 'dist/bench');

export interface Tools {
  readonly timer: string;
  readonly floor: string;
}

export function buildTools(): Tools {
  mkdirSync(OUTPUT, { recursive: true });
  return { timer: compile('timer'), floor: compile('floor') };
}

/** Static, with musl where it is installed: neither may bring a start-up cost of its own. */
function compile(name: string): string {
  const source = join(import.meta.dirname, `${name}.c`);
  const program = join(OUTPUT, name);
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  const flags = [
    '-std=c17',
    '-O2',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-static',
    '-o',
    program,
    source,
  ];
  if (existsSync('/usr/bin/musl-gcc')) {
    // musl-gcc leaves out the directories of the kernel's headers.
    const machine = execFileSync('cc', ['-print-multiarch'], { encoding: 'utf8' }).trim();
    execFileSync('musl-gcc', [
      ...['-idirafter', '/usr/include', '-idirafter', `/usr/include/${machine}`],
      ...flags,
    ]);
  } else {
    execFileSync('cc', flags);
  }
  return program;
}
