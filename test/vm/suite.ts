/**
 * suite.mjs NAME[:PATTERN]...: runs bundled test files, named without ending, in this one process; with a
 * pattern only the tests whose titles it matches. A line a test as it ends, with its errors; then the numbers.
 */
import { join } from 'node:path';
import {
  type File,
  type Suite,
  startTests,
  type Task,
  type Test,
  type VitestRunner,
} from '@vitest/runner';
import type { TestError } from '@vitest/utils';

const wanted = process.argv.slice(2).map((argument) => {
  const [name = '', ...pattern] = argument.split(':');
  return {
    path: join(import.meta.dirname, `${name}.test.mjs`),
    pattern: new RegExp(pattern.join(':')),
  };
});

const title = (task: Task): string =>
  task.suite === undefined || task.suite.type !== 'suite' || task.suite === task.file
    ? `${task.file.name} > ${task.name}`
    : `${title(task.suite)} > ${task.name}`;

const runner: VitestRunner = {
  config: {
    root: import.meta.dirname,
    setupFiles: [],
    name: undefined,
    passWithNoTests: false,
    testNamePattern: undefined,
    allowOnly: false,
    sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
    // Whole names of features in titles.
    chaiConfig: { truncateThreshold: 0 },
    maxConcurrency: 1,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Engines have races of their own.
    retry: Number(process.env['TSRUN_RETRY'] ?? 0),
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: true,
  },
  importFile: (path: string) => import(path),
  onCollected(collected: File[]) {
    for (const [at, file] of collected.entries()) narrow(file, wanted[at]?.pattern ?? /./);
  },
  onAfterRunTask(test: Test) {
    const { state = 'skip', duration = 0, errors = [] } = test.result ?? {};
    const seconds = (duration / 1000).toFixed(1);
    console.log(`${state.padEnd(4)} ${seconds.padStart(5)} s  ${title(test)}`);
    for (const error of errors) console.log(describeError(error));
  },
};

const describeError = ({ stack, message, diff }: TestError): string =>
  [stack ?? message, diff ?? ''].join('\n');

/** Takes out the tests that the pattern does not match, and the suites this leaves empty. */
function narrow(suite: Suite, pattern: RegExp): void {
  suite.tasks = suite.tasks.filter((task) => {
    if (task.type === 'test') return pattern.test(title(task));
    narrow(task, pattern);
    return task.tasks.length > 0;
  });
}

function* every(tasks: readonly Task[]): Generator<Task> {
  for (const task of tasks) {
    yield task;
    if (task.type === 'suite') yield* every(task.tasks);
  }
}

const files: File[] = await startTests(
  wanted.map(({ path }) => path),
  runner,
);
const tasks = [...every(files)];
// A suite fails by itself when its hooks do: what a test leaves behind is found by one.
const suites = tasks.filter((task) => task.type === 'suite');
const broken = suites.filter((suite) => (suite.result?.errors ?? []).length > 0);
for (const suite of broken) {
  console.log(`fail ${title(suite)}`);
  for (const error of suite.result?.errors ?? []) console.log(describeError(error));
}
const tests = tasks.filter((task) => task.type === 'test');
const count = (state: string) => tests.filter((test) => test.result?.state === state).length;
const [passed, failed] = [count('pass'), count('fail') + broken.length];
const left = tests.filter((test) => !['pass', 'fail'].includes(test.result?.state ?? ''));
for (const test of left) console.log(`skip   0.0 s  ${title(test)}`);
const skipped = left.length;
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
