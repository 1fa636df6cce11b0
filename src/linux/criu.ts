/**
 * CRIU's remote procedure calls (criu.org/RPC, images/rpc.proto of CRIU 4.1): one `criu swrk` for each, over
 * a socket of packets. Descriptors that a request names are found by CRIU in this process's /proc/PID/fd.
 */
import { engine } from '../engine/current.ts';
import { O_RDWR } from './constants/file.ts';
import { SIGNALS } from './constants/signals.ts';
import { close, type Fd, open } from './files.ts';
import { kill, type Pid, spawn, waitFor } from './processes.ts';
import { decodeMessage, encodeMessage, type Fields, type FieldValue } from './protobuf.ts';
import { packetPair, receive, send } from './sockets.ts';

export const CRIU_DUMP = 1;
export const CRIU_RESTORE = 2;
export const CRIU_PRE_DUMP = 4;
const CRIU_NOTIFY = 6;

/** Members of criu_opts by name: their numbers. */
const OPTIONS = {
  imagesDirFd: 1,
  pid: 2,
  leaveRunning: 3,
  extUnixSk: 4,
  tcpEstablished: 5,
  evasiveDevices: 6,
  shellJob: 7,
  fileLocks: 8,
  logLevel: 9,
  logFile: 10,
  pageServer: 11,
  notifyScripts: 12,
  root: 13,
  parentImage: 14,
  trackMemory: 15,
  autoDedup: 16,
  workDirFd: 17,
  linkRemap: 18,
  externalMounts: 23,
  manageCgroups: 24,
  cgroupRoots: 25,
  restoreSibling: 26,
  inheritFds: 27,
  manageCgroupsMode: 34,
  ghostLimit: 35,
  external: 37,
  emptyNamespaces: 38,
  joinNamespaces: 39,
  freezeCgroup: 44,
  tcpSkipInFlight: 46,
  lazyPages: 48,
  statusFd: 49,
  orphanPtsMaster: 50,
  configFile: 51,
  tcpClose: 52,
  lsmProfile: 53,
  lsmMountContext: 63,
  networkLock: 64,
} as const;

/** Lists of pairs are messages of two strings; see `pair`. */
export type CriuOptions = { readonly [K in keyof typeof OPTIONS]?: FieldValue };

/** ext_mount_map, inherit_fd, cgroup_root, join_namespace: two members. */
export const pair = (first: string | undefined, second: string | number): Uint8Array =>
  encodeMessage({ 1: first, 2: second });

/** criu_page_server_info. */
export const pageServerInfo = (address: string, port: number): Uint8Array =>
  encodeMessage({ 1: address, 2: port });

/** A `criu swrk` that waits for its one request. */
export interface Criu {
  readonly pid: Pid;
  readonly socket: Fd;
}

/** Starts CRIU; `inherited` are descriptors that requests name by number in CRIU itself. */
export function startCriu(program: string, inherited: readonly Fd[], keepInput: boolean): Criu {
  const [socket, theirs] = packetPair();
  // What its helpers print is in its log too, and no part of a container's output.
  const nowhere = open('/dev/null', O_RDWR);
  try {
    const pid = spawn({
      path: program,
      args: [program, 'swrk', String(theirs)],
      env: engine().environ,
      keep: [...(keepInput ? [0] : []), theirs, ...inherited],
      output: nowhere,
    });
    return { pid, socket };
  } catch (thrown) {
    close(socket);
    throw thrown;
  } finally {
    close(theirs);
    close(nowhere);
  }
}

/** A moment of a restore or dump at which CRIU waits for its caller. */
export interface Notification {
  /** `post-restore`, `setup-namespaces`, `orphan-pts-master`, … */
  readonly script: string;
  /** Of the root task where there is one; 0 otherwise. */
  readonly pid: Pid;
  readonly fds: readonly Fd[];
}

export type Answer =
  | { readonly success: true; readonly pid: Pid }
  | { readonly success: false; readonly message: string };

/** More than any answer is. */
const ANSWER_BYTES = 65_536;

/** Sends the request, answers CRIU's notifications, and ends CRIU. What `notified` throws fails the call. */
export function callCriu(
  { pid, socket }: Criu,
  type: number,
  options: CriuOptions,
  notified: (notification: Notification) => void = () => {},
): Answer {
  try {
    send(socket, encodeMessage({ 1: type, 2: encodeOptions(options) }));
    for (;;) {
      const { data, fds } = receive(socket, ANSWER_BYTES);
      if (data.length === 0) return { success: false, message: 'criu ended without an answer' };
      const answer = decodeMessage(data);
      if (answer === undefined) return { success: false, message: 'criu said what is no message' };
      if (answer.get(1) !== CRIU_NOTIFY) return answerOf(answer);
      notified({ ...notificationOf(answer), fds });
      for (const fd of fds) close(fd);
      send(socket, encodeMessage({ 1: CRIU_NOTIFY, 3: true }));
    }
  } catch (thrown) {
    kill(pid, SIGNALS.SIGKILL);
    throw thrown;
  } finally {
    close(socket);
    waitFor(pid);
  }
}

/** Ends a CRIU that was asked for nothing. */
export function dismissCriu({ pid, socket }: Criu): void {
  close(socket);
  kill(pid, SIGNALS.SIGKILL);
  waitFor(pid);
}

function encodeOptions(options: CriuOptions): Uint8Array {
  const fields: Record<number, FieldValue> = {};
  for (const [name, number] of Object.entries(OPTIONS)) {
    fields[number] = new Map(Object.entries(options)).get(name);
  }
  return encodeMessage(fields);
}

/** criu_resp: success 2, restore 4 { pid 1 }, cr_errno 7, cr_errmsg 9. */
function answerOf(answer: Fields): Answer {
  if (answer.get(2) === 1) {
    const pid = messageIn(answer, 4)?.get(1);
    return { success: true, pid: typeof pid === 'number' ? pid : 0 };
  }
  const [errno, message] = [answer.get(7), answer.get(9)];
  const parts = [
    typeof errno === 'number' && errno !== 0 ? `errno ${errno}` : '',
    message instanceof Uint8Array ? engine().decodeUtf8(message) : '',
  ];
  return { success: false, message: parts.filter((part) => part !== '').join(' ') };
}

/** criu_resp: notify 5 { script 1, pid 2 }. */
function notificationOf(answer: Fields): Pick<Notification, 'script' | 'pid'> {
  const notify = messageIn(answer, 5);
  const [script, pid] = [notify?.get(1), notify?.get(2)];
  return {
    script: script instanceof Uint8Array ? engine().decodeUtf8(script) : '',
    pid: typeof pid === 'number' ? pid : 0,
  };
}

function messageIn(fields: Fields, number: number): Fields | undefined {
  const bytes = fields.get(number);
  return bytes instanceof Uint8Array ? decodeMessage(bytes) : undefined;
}
