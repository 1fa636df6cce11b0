/** Makes one call of a verb fail and says what came of it. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Containers } from '../runtime.ts';
import { reasonForSilence, reasonNotToTry, reasonToGoOn } from './expected.ts';
import type { Fault, Injector, Point, Trial } from './injector.ts';
import { pidFilesOf, remains, type Scenario } from './scenarios.ts';

/**
 * `refused`: one message, exit status not 0, nothing left. `warned`: the verb went on and said what it could
 * not do. `harmless`, `silent`, `untried`: as expected.ts says. `killed`: `delete --force` found its way.
 */
export type Outcome = 'refused' | 'warned' | 'harmless' | 'silent' | 'killed' | 'untried';

export interface Verdict {
  readonly outcome?: Outcome;
  /** The call it befell: what waits for others does not always make the same. Undefined: it did not come to it. */
  readonly hit: Point | undefined;
  /** What is wrong about it; nothing when all is well. */
  readonly wrong: readonly string[];
  /** What the verb said. */
  readonly message: string;
}

/** Tries one fault on a container of its own, which is gone afterwards. */
export function tryFault(
  t: Containers,
  injector: Injector,
  scenario: Scenario,
  id: string,
  { point, role, by }: { readonly point: Point; readonly role: string; readonly by: Fault['by'] },
): Verdict {
  const attached = scenario.prepare(id);
  const trial = injector.fail(scenario.args(id), { at: point, by }, attached);
  const wrong: string[] = [];
  if (trial.hangs) wrong.push('its processes wait for one another');
  let outcome: Outcome | undefined;
  const hit = trial.hit ?? point;
  if (trial.hit === undefined) {
    if (trial.result.status !== 0) wrong.push('it failed although no call did');
  } else if (by === 'kill') {
    outcome = 'killed';
  } else if (trial.result.status === 0) {
    const isWrong = scenario.wrong(id, trial.result.stdout);
    // Init that waits for `start` is nobody's any more: who comes to start it is told.
    const isAlone = role === 'init' && /^(accept4|read)$/.test(hit.name);
    if (isWrong !== undefined && !isAlone) wrong.push(`it succeeded, but ${isWrong}`);
    outcome = ofSuccess(trial, hit, role, wrong);
  } else {
    outcome = ofFailure(trial, hit, role, id, wrong);
    const left = scenario.undoes ? [...remains(t, id), ...pidFilesOf(t, id)] : [];
    wrong.push(...left.map((what) => `left behind: ${what}`));
    if (scenario.undoes && settledAlive(trial).length > 0) wrong.push('left behind: processes');
  }
  wrong.push(...remove(t, id, trial));
  for (const name of pidFilesOf(t, id)) rmSync(join(t.directory, name));
  const { stderr: message } = trial.result;
  return { ...(outcome === undefined ? {} : { outcome }), hit: trial.hit, wrong, message };
}

function ofSuccess({ result }: Trial, point: Point, role: string, wrong: string[]) {
  if (/^time="[^"]+" level=warning msg="[^\n]+"\n$/.test(result.stderr)) return 'warned';
  if (result.stderr !== '') wrong.push('it succeeded with more than a warning');
  if (reasonToGoOn(point, role) !== undefined) return 'harmless';
  if (reasonNotToTry(point, role) !== undefined) return 'untried';
  wrong.push('it succeeded, and expected.ts has no reason why that should be right');
  return undefined;
}

/** `errno`: what every message has, but where engines match runc's words, or nobody was left to tell. */
const TELLING = [
  /: E[A-Z0-9]+: /,
  /process\.args: exec \S+: /,
  /executor: ended (with status|by signal) \d+/,
  /init gave no answer/,
  /cannot start a container that has stopped/,
];

function ofFailure({ result }: Trial, point: Point, role: string, id: string, wrong: string[]) {
  const { stderr } = result;
  if (stderr === '' && reasonForSilence(point, role) !== undefined) return 'silent';
  const isOne =
    /^tsrun: [^\n]+\n$/.test(stderr) || /^[^\n]*level=warning[^\n]*\ntsrun: [^\n]+\n$/.test(stderr);
  if (!isOne) wrong.push('not one message');
  else if (!stderr.includes(JSON.stringify(id)) && role !== 'supervisor')
    wrong.push('a message without the container');
  else if (!TELLING.some((words) => words.test(stderr)) && role !== 'supervisor')
    wrong.push('a message without step and errno');
  return 'refused';
}

/** `delete --force`, and what it leaves; nothing may. */
function remove(t: Containers, id: string, trial: Trial): readonly string[] {
  const { status, stderr } = t.call(['delete', '--force', id]);
  const wrong = status === 0 && stderr === '' ? [] : [`delete --force: ${status} ${stderr}`];
  wrong.push(...remains(t, id).map((what) => `left behind delete --force: ${what}`));
  for (const { pid, process } of settledAlive(trial)) {
    wrong.push(`left behind delete --force: process ${process} (${pid})`);
  }
  return wrong;
}

/** Those that do not end by themselves: on a busy machine the last steps of a process take their time. */
function settledAlive({ alive }: Trial): Trial['alive'] {
  const end = Date.now() + 2000;
  while (alive.some(({ pid }) => isAlive(pid)) && Date.now() < end) pause(5);
  return alive.filter(({ pid }) => isAlive(pid));
}

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const pause = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
