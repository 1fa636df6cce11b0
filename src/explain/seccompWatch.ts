/**
 * `run --seccomp-report FILE` and `--seccomp-learn FILE`: the filter's listener goes to an agent, another
 * process of tsrun that decides as the profile would have, and notes it (seccompAgent.ts).
 */
import { SECCOMP_AGENT } from '../cli/commandLine.ts';
import { pathOf } from '../cli/creation.ts';
import type { Invocation } from '../cli/invocation.ts';
import { hasAgent } from '../config/linux/seccomp.ts';
import { filterCompiler } from '../container/filters.ts';
import { prepareCreate } from '../container/prepare.ts';
import { isKernelAtLeast, probeHost } from '../container/probe.ts';
import type { RunRequest } from '../container/request.ts';
import { engine } from '../engine/current.ts';
import { usage } from '../errors.ts';
import type { Seccomp } from '../generated/spec.ts';
import { SystemError, unless } from '../linux/call.ts';
import { errnoNumber } from '../linux/constants/errno.ts';
import { O_CREAT, O_TRUNC, O_WRONLY } from '../linux/constants/file.ts';
import { memoryFile } from '../linux/descriptors.ts';
import { type Fd, open, readAll, release, writeAll } from '../linux/files.ts';
import { nativeArchitecture, syscallNumber } from '../linux/libseccomp.ts';
import { spawn } from '../linux/processes.ts';
import { notifyingProgram } from '../linux/seccompProgram.ts';
import { listenUnix, send, streamPair } from '../linux/sockets.ts';
import { emptyReport, formatReport } from './seccompReport.ts';

/** What the agent is told; descriptors are those it inherits. */
export interface AgentOrder {
  readonly id: string;
  /** Where the listener comes, and its path. */
  readonly listening: Fd;
  readonly socket: string;
  /** The supervisor: a byte asks for the reports. */
  readonly control: Fd;
  /** The profile, compiled. */
  readonly program: Fd;
  readonly seccompNumber: number;
  readonly report?: Fd;
  readonly learn?: Fd;
  /** linux.seccomp.flags, which the learnt profile keeps. */
  readonly flags?: Seccomp['flags'];
}

/** What `run` is asked besides, and how the agent is asked for its reports when `run` fails. */
export interface Watch {
  readonly request: Pick<RunRequest, 'watchSeccomp' | 'agent'>;
  readonly dismiss: () => void;
}

/** undefined when neither flag is given, or there is nothing to watch; throws `usage`. */
export function watchOf(invocation: Invocation, request: RunRequest): Watch | undefined {
  const paths = { report: pathOf(invocation, FLAGS[0]), learn: pathOf(invocation, FLAGS[1]) };
  const given = FLAGS.filter((flag) => pathOf(invocation, flag) !== undefined);
  const [flag] = given;
  if (flag === undefined) return undefined;
  if (request.detach) throw usage(`--${flag} takes a run in the foreground, not --detach`);
  const { spec } = prepareCreate({ ...request, warn: () => {} }, probeHost(), {
    foreground: true,
  }).context;
  if (hasAgent(spec)) {
    throw usage(
      `--${flag}: linux.seccomp has an agent of its own (SCMP_ACT_NOTIFY), and a filter can have one`,
    );
  }
  if (!isKernelAtLeast(5, 8)) throw usage(`--${flag} takes Linux 5.8`);
  const files = {
    ...(paths.report === undefined ? {} : { report: openFile(paths.report) }),
    ...(paths.learn === undefined ? {} : { learn: openFile(paths.learn) }),
  };
  const profile = spec.linux?.seccomp;
  if (profile === undefined && files.learn === undefined) {
    invocation.log.warning('config.json has no linux.seccomp: no system call is denied');
    const text = formatReport({ ...emptyReport(request.id), filter: false });
    if (files.report !== undefined) writeAll(files.report, engine().encodeUtf8(text), 'report');
    return undefined;
  }
  return watching(request, files, profile?.flags);
}

const FLAGS = ['seccomp-report', 'seccomp-learn'] as const;

/** At once, so that a wrong path is told before anything is made. */
const openFile = (path: string): Fd => open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644);

function watching(
  { root, id }: RunRequest,
  files: { readonly report?: Fd; readonly learn?: Fd },
  flags: AgentOrder['flags'],
): Watch {
  let agent: Fd | undefined;
  const everything = files.learn !== undefined;
  return {
    request: {
      watchSeccomp: {
        everything,
        killable: isKernelAtLeast(5, 19),
        compile: (filter, socket) => {
          const program = filterCompiler(root)(filter);
          const seccompNumber = syscallNumber(nativeArchitecture(), 'seccomp');
          if (seccompNumber === undefined) {
            throw new SystemError('seccomp', errnoNumber('ENOSYS'));
          }
          agent = startAgent(
            {
              id,
              socket,
              seccompNumber,
              ...files,
              ...(flags === undefined ? {} : { flags }),
            },
            program,
          );
          return notifyingProgram(program, everything, seccompNumber);
        },
      },
      agent: () => agent,
    },
    dismiss: () => {
      if (agent !== undefined) dismiss(agent);
    },
  };
}

/** Starts the agent, which has its socket by then; ours to it. */
function startAgent(
  order: Omit<AgentOrder, 'listening' | 'control' | 'program'>,
  compiled: Uint8Array,
): Fd {
  const listening = listenUnix(order.socket);
  const program = memoryFile('filter', compiled);
  const [ours, control] = streamPair();
  const all: AgentOrder = { ...order, listening, control, program };
  const files = [order.report, order.learn].filter((fd) => fd !== undefined);
  const { self, environ } = engine();
  try {
    spawn({
      path: self[0] ?? '',
      args: [...self, SECCOMP_AGENT, JSON.stringify(all)],
      env: environ,
      keep: [0, 1, 2, listening, control, program, ...files],
    });
    return ours;
  } finally {
    for (const fd of [listening, control, program, ...files]) release(fd);
  }
}

/** As the supervisor does (native/supervise.c): the reports are written when the other end is closed. */
function dismiss(agent: Fd): void {
  unless(['EPIPE'], () => send(agent, Uint8Array.of(0)));
  unless(['ECONNRESET'], () => readAll(agent));
  release(agent);
}
