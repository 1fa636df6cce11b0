/**
 * tsrun as a library, on Node: a config.json loaded, checked and planned, as `tsrun create` would. Nothing
 * of the machine is changed, and no privilege is needed.
 */
import { DETACHED, prepareCreate } from './container/prepare.ts';
import { probeHost } from './container/probe.ts';
import type { CgroupManager } from './container/request.ts';
import { setEngine } from './engine/current.ts';
import { nodeEngine } from './engine/node.ts';
import type { Spec } from './generated/spec.ts';
import { realPath } from './linux/paths.ts';
import { formatPlanText } from './plan/print.ts';
import type { Plan } from './plan/step.ts';
import { checkConfig, loadConfig } from './spec/load.ts';
import type { Problem } from './spec/problem.ts';

export { type ErrorFacts, TsrunError } from './errors.ts';
export type { ErrorCode } from './generated/errorCodes.ts';
export type { Spec } from './generated/spec.ts';
export type { Actor, Op, Plan, Step } from './plan/step.ts';
export type { Problem } from './spec/problem.ts';

setEngine(nodeEngine());

/**
 * The value of a config.json: integers that a number cannot hold exactly are bigint. Throws TsrunError with
 * all that is wrong, its code `config-invalid` or `config-unsupported`; `file` is its name there.
 */
export const load = (text: string, file = 'config.json'): Spec => loadConfig(text, file).value;

/** All that is wrong with a config.json, errors and warnings, in the order of the file; never throws for it. */
export const check = (text: string): readonly Problem[] => checkConfig(text).problems;

export interface PlanOptions {
  /** The container's name; the bundle directory's when absent. */
  readonly id?: string;
  /** The state root; `/run/tsrun` when absent. */
  readonly root?: string;
  readonly cgroupManager?: CgroupManager;
  /** Told of what is worth a warning. */
  readonly warn?: (message: string) => void;
}

/**
 * Every native call that `tsrun create` would make of the bundle on this machine, in order. Throws
 * TsrunError: `config-missing`, `config-invalid`, `config-unsupported`.
 */
export function plan(bundle: string, options: PlanOptions = {}): Plan {
  const path = realPath(bundle);
  const id = options.id ?? (path.slice(path.lastIndexOf('/') + 1) || 'container');
  const request = {
    root: options.root ?? '/run/tsrun',
    id,
    bundle: path,
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
    cgroupManager: options.cgroupManager ?? 'cgroupfs',
    systemdTimeoutMs: 30_000,
    warn: options.warn ?? (() => {}),
  };
  return prepareCreate(request, probeHost(), DETACHED).plan;
}

/** A plan as `tsrun plan` prints it. */
export const formatPlan = (made: Plan): string => formatPlanText(made);
