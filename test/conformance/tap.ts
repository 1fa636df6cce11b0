/** What a program says in the Test Anything Protocol, as one verdict. */

export interface Verdict {
  /** Every planned test was done and passed, or was skipped or marked as to do. */
  readonly passed: boolean;
  readonly tests: number;
  /** The descriptions of the tests that failed, or what else went wrong. */
  readonly failures: readonly string[];
}

export function parseTap(output: string, exitStatus: number | null): Verdict {
  const failures: string[] = [];
  let tests = 0;
  let planned: number | undefined;
  for (const line of output.split('\n')) {
    const plan = /^1\.\.(\d+)/.exec(line);
    if (plan !== null) planned = (planned ?? 0) + Number(plan[1]);
    const test = /^(not )?ok \d+(?: - )?(.*)$/.exec(line);
    if (test === null) continue;
    tests++;
    const [, not, description = ''] = test;
    if (not !== undefined && !description.includes('# TODO')) failures.push(description);
  }
  if (exitStatus !== 0) failures.push(exitStatus === null ? 'timed out' : `exit ${exitStatus}`);
  if (planned === undefined) failures.push('no plan');
  else if (planned !== tests) failures.push(`planned ${planned} tests, did ${tests}`);
  return { passed: failures.length === 0, tests, failures };
}
