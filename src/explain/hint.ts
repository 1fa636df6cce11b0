/**
 * The likely reason of a failed step, and what to change: a clause behind the message, whose words engines
 * match and which stays as it is. Loaded by main.ts when a step has failed.
 */

import { searchPath } from '../config/process/env.ts';
import { resolvePath } from '../container/prepare.ts';
import { loadIfReadable } from '../container/store.ts';
import { engine } from '../engine/current.ts';
import type { TsrunError } from '../errors.ts';
import type { Spec } from '../generated/spec.ts';
import { validateConfig } from '../generated/validators.js';
import { errnoName } from '../linux/constants/errno.ts';
import { F_OK } from '../linux/constants/file.ts';
import { access } from '../linux/files.ts';
import { currentDirectory } from '../linux/paths.ts';
import type { Op, Step } from '../plan/step.ts';
import { viewOfBundle, viewOfProcess } from './files.ts';
import { mountHint } from './mountHint.ts';
import { printable } from './printable.ts';
import { programProblem, type View } from './program.ts';
import { propertyHint } from './propertyHint.ts';

/** The verb that failed. */
export interface Attempt {
  readonly verb: string;
  readonly root: string;
  readonly id: string;
}

/** A step of a plan, the name of its errno, what it added, and its config. */
export interface Failure {
  readonly step: Step;
  readonly errno: string;
  readonly detail: string;
  readonly config: Spec;
  /** Whether a path of the host exists. */
  readonly exists: (hostPath: string) => boolean;
}

/** ` (…)` to stand behind the message of an error; empty where nothing more is known. */
export function hintFor(error: TsrunError, attempt: Attempt): string {
  const { failed, errno } = error.facts;
  if (failed === undefined || errno === undefined) return '';
  const { step, detail, config } = failed;
  const exists = (path: string) => access(path, F_OK);
  // A config that is not whole comes from a plan without one: of a hook alone.
  const spec = validateConfig(config) ? config : { ociVersion: '1.0.0' };
  const failure: Failure = { step, errno: errnoName(errno), detail, config: spec, exists };
  const hint =
    hookHint(failure) ??
    executionHint(failure, attempt) ??
    mountHint(failure) ??
    propertyHint(failure);
  return hint === undefined ? '' : ` (${printable(hint)})`;
}

/** The message has its status, its output and how long it took. */
function hookHint({ step: { op } }: Failure): string | undefined {
  if (op.call !== 'hook') return undefined;
  const command = [op.path, ...op.args.slice(1)].join(' ');
  return `command: ${command.length > LONGEST_COMMAND ? `${command.slice(0, LONGEST_COMMAND)}…` : command}`;
}

const LONGEST_COMMAND = 200;

function executionHint({ step, config }: Failure, attempt: Attempt): string | undefined {
  const { call } = step.op;
  if (call !== 'execve' && call !== 'find_executable') return undefined;
  const { user } = config.process ?? {};
  return programProblem(viewFor(config, attempt), {
    file: fileOf(step.op, config),
    search: searchPath(config),
    uid: user?.uid ?? 0,
    gids: [user?.gid ?? 0, ...(user?.additionalGids ?? [])],
    machine: engine().machine,
  });
}

function fileOf(op: Op, { process }: Spec): string {
  const file = op.call === 'find_executable' ? op.file : (process?.args?.[0] ?? '');
  const isRelative = file.includes('/') && !file.startsWith('/');
  return isRelative ? resolvePath(process?.cwd ?? '/', file) : file;
}

/** A container that runs is seen itself; of one whose init has ended, what it was made from. */
function viewFor(config: Spec, { verb, root, id }: Attempt): View {
  const record = loadIfReadable(root, id)?.record;
  if (verb === 'exec')
    return record === undefined ? () => 'unseen' : viewOfProcess(record.init_process_pid);
  // `create` and `run` have gone to the bundle.
  const rootfs = record?.rootfs ?? resolvePath(currentDirectory(), config.root?.path ?? 'rootfs');
  return viewOfBundle(rootfs, config);
}
