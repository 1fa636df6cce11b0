/** Steps no property asks for: the state directory, the sockets, the session, the created state. */

import { ROOT } from '../config/mounts/entry.ts';
import { O_DIRECTORY, O_PATH } from '../linux/constants/file.ts';
import type { PlanContext } from './context.ts';
import { INIT, PIDFD, type Step, step } from './step.ts';

/** The socket in the state directory on which init waits for `start`. */
export const START_SOCKET = 'start.sock';

/** The runtime's end of the pair over which a foreground terminal's master comes. */
export const CONSOLE_PEER = 'console-peer';

/** The first descriptor behind standard input, output and error. */
const FIRST_PRESERVED = 3;

/** state.json names the cgroups before they are made: `delete` finds what a killed `create` left. */
export const planCreating = (_context: PlanContext): readonly Step[] => CREATING;

const CREATING = [step('runtime', '', { call: 'save_state', status: 'creating' })];

export const planClaim = ({ options }: PlanContext): readonly Step[] => [
  step('runtime', '', { call: 'claim', path: options.stateDirectory }),
];

/** What init inherits; it listens when there is a directory. */
export const planStartSocket = ({ options }: PlanContext): readonly Step[] =>
  options.goesOn ? [] : START;

const START = [step('runtime', '', { call: 'socket', out: 'start' })];

export function planListen({ options }: PlanContext): readonly Step[] {
  if (options.goesOn) return [];
  const path = `${options.stateDirectory}/${START_SOCKET}`;
  return [step('runtime', '', { call: 'listen', socket: 'start', path })];
}

/**
 * The socket for a terminal's master: the one of --console-socket, or in the foreground a pair whose
 * other end the runtime keeps for the supervisor.
 */
export function planConsoleSocket({ spec, options }: PlanContext): readonly Step[] {
  if (spec.process?.terminal !== true) return [];
  const origin = '/process/terminal';
  if (options.consoleSocket !== undefined) {
    const path = options.consoleSocket;
    return [step('runtime', origin, { call: 'connect', path, out: 'console-socket' })];
  }
  if (!options.foreground) return [];
  const pair = { call: 'socketpair', out: 'console-socket', peer: CONSOLE_PEER } as const;
  return [step('runtime', origin, pair)];
}

/** The host's /proc, through which init reaches descriptors whatever the container mounts there. */
export const planHostHandles = (_context: PlanContext): readonly Step[] => HOST_HANDLES;

const HOST_HANDLES = [
  step('outer', '', {
    call: 'openat',
    path: '/proc',
    flags: O_PATH | O_DIRECTORY,
    mode: 0,
    out: 'proc',
  }),
];

/** --pidfd-socket: init's pidfd, with runc's payload. */
export const planPidfdSocket = (context: PlanContext): readonly Step[] =>
  planPidfd(context, 'standard');

function planPidfd({ options }: PlanContext, payload: string): readonly Step[] {
  if (options.pidfdSocket === undefined) return [];
  const path = options.pidfdSocket;
  return [
    step('runtime', '', { call: 'connect', path, out: 'pidfd-socket' }),
    step('runtime', '', { call: 'send_fd', socket: 'pidfd-socket', fd: PIDFD, payload }),
  ];
}

/**
 * A session of its own, so that no terminal of the caller's is the container's, and a session keyring
 * of its own, so that the caller's keys are not. A kernel without keyrings has none to protect.
 */
export function planSession({ options }: PlanContext): readonly Step[] {
  const session = step('init', '', { call: 'setsid' });
  if (options.noNewKeyring) return [session];
  const name = `_ses.${options.id}`;
  const keyring = { call: 'keyctl_session', name } as const;
  return [session, step('init', '', keyring, { ignore: ['ENOSYS'] })];
}

/**
 * Standard streams that are the host's /dev/null become the container's: through the descriptor the
 * container's root could change mode and owner of the host's. Where the container's is missing, or is
 * something else by now, they become one of their own. The root of a user namespace cannot make one; it does
 * not own the host's, so it may stay.
 */
export const planNullStreams = (_context: PlanContext): readonly Step[] => NULL_STREAMS;

const NULL_STREAMS = [
  step(
    'init',
    '',
    { call: 'reopen_null', root: ROOT },
    { ignore: ['ENOENT', 'ENOTDIR', 'ENODEV', 'ELOOP', 'EACCES', 'EPERM', 'ENXIO'] },
  ),
];

/** The pid file is last: whoever waits for it finds a container that can be started. */
export const planCreated = (context: PlanContext): readonly Step[] => [
  step('runtime', '', { call: 'save_state', status: 'created' }),
  ...planPidFile(context),
];

/** Init's last word before a filter may forbid to speak: behind it, silence is success. */
export const planExecuting = (_context: PlanContext): readonly Step[] => EXECUTING;

const EXECUTING = [step('init', '', { call: 'executing' })];

/** Of an init that waits for no `start`. */
export const planGoOn = (context: PlanContext): readonly Step[] =>
  context.options.goesOn ? planExecuting(context) : [];

/** Of a process in a container: what is told of it, once nothing but its execve can fail. */
export const planAnnounce = (context: PlanContext): readonly Step[] => [
  ...planPidfd(context, 'setns'),
  ...planPidFile(context),
];

function planPidFile({ options }: PlanContext): readonly Step[] {
  if (options.pidFile === undefined) return [];
  return [step('runtime', '', { call: 'write_pid_file', path: options.pidFile, pid: INIT })];
}

export const planAccept = ({ options }: PlanContext): readonly Step[] =>
  options.goesOn ? [] : [step('init', '', { call: 'accept', socket: 'start' })];

/**
 * Nothing of the host's is open any more while init waits for `start`, but the socket it waits on: a
 * container that shares its pid namespace could otherwise take /proc or a mount of the host out of it.
 */
export const planCloseRange = ({
  options,
  container,
}: PlanContext & { readonly container?: unknown }): readonly Step[] => {
  const first = FIRST_PRESERVED + options.preserveFds;
  // `exec` and `run` wait for nobody.
  const keep = container === undefined && !options.goesOn ? 'start' : undefined;
  return [step('init', '', { call: 'close_range', first, keep })];
};
