/** The listener of a filter with SECCOMP_RET_USER_NOTIF: seccomp_unotify(2). */
import { failedWith, throwing, unless } from './call.ts';
import type { Fd } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';
import type { Pid } from './processes.ts';

const sys = { ioctl: throwing('ioctl', 'i:iip') };

// linux/seccomp.h, asm-generic: x86-64 and arm64.
const SECCOMP_IOCTL_NOTIF_RECV = 0xc050_2100;
const SECCOMP_IOCTL_NOTIF_SEND = 0xc018_2101;
const SECCOMP_IOCTL_NOTIF_ID_VALID = 0x4008_2102;
const CONTINUE = 1;

/** struct seccomp_notif: | u64 id | u32 pid | u32 flags | struct seccomp_data |, and room to grow. */
const NOTIFICATION_BYTES = 256;
const DATA_AT = 16;
const DATA_BYTES = 64;

/** A call that waits for an answer. */
export interface Notification {
  readonly id: bigint;
  /** The thread that makes it, as this process sees it. */
  readonly thread: Pid;
  /** struct seccomp_data. */
  readonly data: DataView;
}

/** The next one; undefined when who made the call has ended or was interrupted. There must be one: poll(2). */
export function receiveNotification(listener: Fd): Notification | undefined {
  // The kernel wants it zeroed.
  const bytes = new Uint8Array(NOTIFICATION_BYTES);
  const got = unless(['ENOENT'], () =>
    sys.ioctl('RECV', listener, SECCOMP_IOCTL_NOTIF_RECV, bytes),
  );
  if (got === undefined) return undefined;
  const view = viewOf(bytes);
  return {
    id: view.getBigUint64(0, LITTLE_ENDIAN),
    thread: view.getUint32(8, LITTLE_ENDIAN),
    data: viewOf(bytes.subarray(DATA_AT, DATA_AT + DATA_BYTES)),
  };
}

/** Whether it still waits: if so, what was read of its thread before was its own. */
export function isWaiting(listener: Fd, id: bigint): boolean {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, id, LITTLE_ENDIAN);
  try {
    sys.ioctl('ID_VALID', listener, SECCOMP_IOCTL_NOTIF_ID_VALID, bytes);
    return true;
  } catch (thrown) {
    if (failedWith(thrown, 'ENOENT')) return false;
    throw thrown;
  }
}

/** Lets the call be made as if there were no filter. */
export const letPass = (listener: Fd, id: bigint): void => answer(listener, id, 0, CONTINUE);

/** Fails the call; errno 0 is success without anything being done. */
export const refuse = (listener: Fd, id: bigint, errno: number): void =>
  answer(listener, id, -errno, 0);

/** struct seccomp_notif_resp: | u64 id | i64 value | i32 error | u32 flags |. Who has ended needs none. */
function answer(listener: Fd, id: bigint, error: number, flags: number): void {
  const bytes = new Uint8Array(24);
  const view = viewOf(bytes);
  view.setBigUint64(0, id, LITTLE_ENDIAN);
  view.setInt32(16, error, LITTLE_ENDIAN);
  view.setUint32(20, flags, LITTLE_ENDIAN);
  unless(['ENOENT', 'EINPROGRESS'], () =>
    sys.ioctl('SEND', listener, SECCOMP_IOCTL_NOTIF_SEND, bytes),
  );
}
