/**
 * The driver: walks a plan, performs the runtime's steps itself and has the executor perform the rest.
 * While the executor works the runtime only answers it; native/README.md draws the conversation.
 */
import { UnitPropertyError } from '../cgroup/systemd.ts';
import { engine } from '../engine/current.ts';
import { executorEnded, internal, TsrunError } from '../errors.ts';
import type { Spec } from '../generated/spec.ts';
import { SystemError, unless } from '../linux/call.ts';
import { errnoName, errnoNumber } from '../linux/constants/errno.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import { memoryFile } from '../linux/descriptors.ts';
import { type Fd, release } from '../linux/files.ts';
import { type Ending, kill, type Pid, spawn, waitFor } from '../linux/processes.ts';
import { compileFilter } from '../linux/seccompFilter.ts';
import { packetPair, type Received, receive, send } from '../linux/sockets.ts';
import { INIT, OUTER, PIDFD, type Plan, type Step, step } from '../plan/step.ts';
import { blame, type Fault, formatFault, formatStep } from '../wire/blame.ts';
import { type EncodeOptions, encodePlan } from '../wire/encode.ts';
import { decodeReport, GO, REPORT_BYTES, type Report } from '../wire/report.ts';
import { EXECUTOR_NAME, executorProgram, pathOf } from './executor.ts';
import { handOverListener } from './listener.ts';
import { lacksSlot, type Performance, performOperation, Slots, usesSlot } from './perform.ts';
import type { StateRecord } from './record.ts';
import type { Warn } from './request.ts';

export interface Execution {
  readonly plan: Plan;
  /** The config the plan was made from, to name what is to blame. */
  readonly config: Spec | undefined;
  readonly slots: Slots;
  /** Descriptors from 3 up that the container inherits. */
  readonly preserveFds: number;
  /** Where the plan claims a directory. */
  readonly claim?: () => void;
  readonly saveState: (status: StateRecord['status']) => void;
  /** Is called when there is an init: what `saveState` will need of it can be had while init works. */
  readonly prepareState?: () => void;
  readonly warn: Warn;
  /** Where a plan may have seccomp filters. */
  readonly compileFilter?: EncodeOptions['compileFilter'];
  /** Of `create --trace` alone. */
  readonly tracer?: Tracer;
}

/** Is told of each step. What the executor performs it writes itself, to memory laid out in native/trace.h. */
export interface Tracer {
  /** A descriptor of the memory, with a record for each step of the plan. */
  memory(): Fd;
  /** Performs a step of the runtime, whose failure is thrown on. */
  around(step: number, perform: () => void): void;
  /** For the plan of one step by which the executor performs a hook of the runtime. */
  ofHook(plan: Plan): Tracer;
}

/**
 * Performs a plan to its end, or until init waits for `start`. Up to clone3 the runtime and outer work side by
 * side: outer waits before a step for the runtime's steps above it, the runtime for outer only where a step is
 * about outer's process. A failure is thrown as TsrunError that
 * names the property; the executor's processes are then gone, what runtime steps made is not.
 */
export function execute(execution: Execution): void {
  const { steps } = execution.plan;
  const first = steps.findIndex(({ actor }) => actor !== 'runtime');
  const end = first < 0 ? steps.length : first;
  for (let index = 0; index < end; index += 1) performStep(execution, index);
  if (first < 0) return;
  const session = startExecutor(execution);
  try {
    converse(execution, session, performAhead(execution, session, end));
  } catch (thrown) {
    endExecutor(session);
    throw thrown;
  } finally {
    release(session.control);
  }
}

/**
 * What comes before clone3 and is not about a process: outer is told to go on before it asks. The first step that
 * is not done is returned.
 */
function performAhead(execution: Execution, session: Session, begin: number): number {
  const { steps } = execution.plan;
  for (let index = begin; index < steps.length; index += 1) {
    const current = steps[index];
    if (current === undefined) break;
    if (current.actor === 'runtime') {
      if (usesSlot(current.op, OUTER)) return index;
      performStep(execution, index);
      continue;
    }
    if (index > begin && steps[index - 1]?.actor === 'runtime') {
      answer(session);
      session.answered = index;
    }
    if (current.op.call === 'clone3') return index;
  }
  return steps.length;
}

interface Session {
  readonly control: Fd;
  /** The outer executor until it was reaped. */
  outer: Pid | undefined;
  /** Behind clone3. */
  init: Pid | undefined;
  /** The last step it was heard of at. */
  step: number | undefined;
  /** The last step it was told to go on with before it asked. */
  answered: number;
  /** Init has nothing left to do but execve. */
  isExecuting: boolean;
}

function startExecutor(execution: Execution): Session {
  const { slots, plan, preserveFds } = execution;
  const encoded = encodePlan(plan, {
    machine: engine().machine,
    encodeSteps: engine().encodeSteps,
    compileFilter: execution.compileFilter ?? compileFilter,
    filled: slots.all(),
  });
  const [control, theirs] = packetPair();
  const planFd = memoryFile('plan', encoded.bytes);
  const inherited = encoded.inherited
    .filter((slot) => slot !== INIT && slot !== OUTER)
    .map((slot) => slots.get(slot));
  const trace = execution.tracer === undefined ? NOTHING : [execution.tracer.memory()];
  const preserved = Array.from({ length: preserveFds }, (_, index) => 3 + index);
  try {
    const outer = spawn({
      path: pathOf(executorProgram()),
      args: [EXECUTOR_NAME, String(planFd), String(theirs), ...trace.map(String)],
      env: [],
      keep: [0, 1, 2, ...preserved, planFd, theirs, ...inherited, ...trace],
    });
    slots.set(OUTER, outer);
    return { control, outer, init: undefined, step: undefined, answered: -1, isExecuting: false };
  } catch (thrown) {
    release(control);
    throw thrown;
  } finally {
    release(planFd);
    release(theirs);
  }
}

const NOTHING: readonly Fd[] = [];

/** Answers the executor until it says no more, or until it waits for `start` and not for us. */
function converse(execution: Execution, session: Session, begin: number): void {
  const { plan, slots } = execution;
  let next = begin;
  for (;;) {
    const { data, fds } = receiveFrom(session);
    if (data.length === 0) {
      if (!session.isExecuting) expectSuccess(execution, session);
      return;
    }
    const report = decodeReport(data);
    session.step = report.step;
    switch (report.type) {
      case 'yield':
        // It had asked already.
        if (report.step <= session.answered) break;
        for (; next < report.step; next += 1) {
          if (plan.steps[next]?.actor === 'runtime') performStep(execution, next);
        }
        answer(session);
        switch (plan.steps[report.step]?.op.call) {
          // Behind accept init is nobody's: the next to speak with it is `start`.
          case 'accept':
            return;
          // It says no more of it.
          case 'executing':
            session.isExecuting = true;
        }
        break;
      case 'spawned':
        session.init = report.pid;
        slots.set(INIT, report.pid);
        if (fds[0] !== undefined) slots.set(PIDFD, fds[0]);
        reapOuter(session);
        execution.prepareState?.();
        break;
      case 'warning':
        warnOf(execution, faultOf(report));
        break;
      case 'executing':
        session.isExecuting = true;
        break;
      case 'listener':
        handOver(execution, session, report.step, report.fd);
        break;
      case 'fault':
        throw blame(plan, faultOf(report), execution.config);
    }
  }
}

function handOver(execution: Execution, { control }: Session, index: number, fd: number): void {
  const { plan, slots, config } = execution;
  const current = plan.steps[index];
  if (current === undefined) throw internal(`the executor has no step ${index}`);
  try {
    const from = { pid: slots.get(INIT), pidfd: slots.get(PIDFD), fd };
    handOverListener(current.op, from, control);
  } catch (thrown) {
    if (!(thrown instanceof SystemError)) throw thrown;
    const { errno, call, detail } = thrown;
    throw blame(plan, { step: index, errno, detail: `${call} ${detail}` }, config);
  }
}

const faultOf = (report: Extract<Report, { readonly errno: number }>): Fault => ({
  step: report.step,
  errno: report.errno,
  detail: engine().decodeUtf8(report.detail),
});

function warnOf({ plan, config, warn }: Execution, fault: Fault): void {
  const failed = plan.steps[fault.step];
  if (failed !== undefined) warn(formatFault(failed, fault, config));
}

/**
 * The next report; no data when the executor has ended. An answer that it has left unread is heard of first, and
 * what it has said before is then still there.
 */
const receiveFrom = ({ control }: Session): Received =>
  unless(['ECONNRESET'], () => receive(control, REPORT_BYTES)) ?? receive(control, REPORT_BYTES);

/** Lets the executor go on. One that has ended instead is what the next report tells. */
function answer({ control }: Session): void {
  unless(['EPIPE', 'ECONNRESET'], () => send(control, GO));
}

/**
 * The control socket is closed: right only when the executor ended with 0, and for a plan that makes an
 * init when that was heard of.
 */
function expectSuccess(execution: Execution, session: Session): void {
  const { init } = session;
  session.init = undefined;
  const ending = init === undefined ? reapOuter(session) : waitFor(init);
  const { steps } = execution.plan;
  const makesInit = steps.some(({ op }) => op.call === 'clone3');
  const hasSucceeded = ending !== undefined && 'status' in ending && ending.status === 0;
  if (hasSucceeded && (init !== undefined || !makesInit)) return;
  const last = session.step === undefined ? undefined : steps[session.step];
  const where = last === undefined ? undefined : formatStep(last, execution.config);
  throw executorEnded(hasSucceeded ? undefined : ending, makesInit, where);
}

function reapOuter(session: Session): Ending | undefined {
  const { outer } = session;
  session.outer = undefined;
  return outer === undefined ? undefined : waitFor(outer);
}

/** Both processes are children that nobody else waits for, so their numbers are still theirs. */
function endExecutor(session: Session): void {
  for (const pid of [session.outer, session.init]) {
    if (pid === undefined) continue;
    kill(pid, SIGNALS.SIGKILL);
    waitFor(pid);
  }
}

function performStep(execution: Execution, index: number): void {
  if (execution.tracer === undefined) carryOut(execution, index);
  else execution.tracer.around(index, () => carryOut(execution, index));
}

/** Performs one step of the runtime, as the executor does its own: ignored errno count as success. */
function carryOut(execution: Execution, index: number): void {
  const current = execution.plan.steps[index];
  if (current === undefined || lacksSlot(current.op, execution.slots)) return;
  const next = execution.plan.steps[index + 1];
  try {
    performOperation(current.op, performanceOf(execution, current, next));
  } catch (thrown) {
    if (thrown instanceof UnitPropertyError) throw blameProperty(execution, thrown);
    if (!(thrown instanceof SystemError)) throw thrown;
    const fault = { step: index, errno: thrown.errno, detail: detailOf(thrown, current) };
    if (!(current.ignore ?? []).some((name) => name === errnoName(thrown.errno))) {
      throw blame(execution.plan, fault, execution.config);
    }
    if (current.warn === true) warnOf(execution, fault);
  }
}

/** systemd refuses a whole unit for one property: that property's step is to blame. */
function blameProperty({ plan, config }: Execution, refused: UnitPropertyError): TsrunError {
  const step = plan.steps.findIndex(
    ({ op }) => op.call === 'unit_property' && op.name === refused.property,
  );
  return blame(plan, { step, errno: errnoNumber('EINVAL'), detail: refused.message }, config);
}

const performanceOf = (
  execution: Execution,
  current: Step,
  next: Step | undefined,
): Performance => ({
  slots: execution.slots,
  next: next?.actor === 'runtime' ? next.op : undefined,
  claim: () => {
    if (execution.claim === undefined) throw new RangeError('there is no directory to claim');
    execution.claim();
  },
  saveState: execution.saveState,
  runHook: (hook) => {
    const env = hook.inherit_env === 0 ? hook.env : engine().environ;
    runInHost({ ...current, op: { ...hook, env, inherit_env: 0 } }, execution);
  },
});

/** A step of the runtime that the executor performs: a plan of that one step, no namespace entered. */
function runInHost(current: Step, execution: Execution): void {
  const slots = new Slots();
  if (execution.slots.has(INIT)) slots.set(INIT, execution.slots.get(INIT));
  const plan = { steps: [step('outer', current.origin, current.op)] };
  const tracer = execution.tracer?.ofHook(plan);
  try {
    execute({
      ...execution,
      plan,
      slots,
      preserveFds: 0,
      ...(tracer === undefined ? {} : { tracer }),
    });
  } catch (thrown) {
    throw blameOn(plan, thrown, execution.config);
  }
}

/** What is not a failure of the one step is one on the way there: a call of ours, the executor's start. */
function blameOn(plan: Plan, thrown: unknown, config: Spec | undefined): unknown {
  if (thrown instanceof SystemError) {
    return blame(plan, { step: 0, errno: thrown.errno, detail: thrown.message }, config);
  }
  if (!(thrown instanceof TsrunError) || thrown.code !== 'internal') return thrown;
  return blame(plan, { step: 0, errno: thrown.facts.errno ?? 0, detail: thrown.message }, config);
}

/** What a failed call was about, unless the step's own arguments say it already. */
function detailOf({ detail }: SystemError, { op }: Step): string {
  return Object.values(op).includes(detail) ? '' : detail;
}
