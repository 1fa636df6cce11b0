/** AF_UNIX sockets, close-on-exec, and messages that carry descriptors. */
import { engine } from '../engine/current.ts';
import { throwing } from './call.ts';
import { O_DIRECTORY, O_PATH } from './constants/file.ts';
import { close, closing, type Fd, fchmod, open } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';

const sys = {
  socket: throwing('socket', 'i:iii'),
  socketpair: throwing('socketpair', 'i:iiip'),
  bind: throwing('bind', 'i:ipi'),
  listen: throwing('listen', 'i:ii'),
  accept4: throwing('accept4', 'i:ippi'),
  connect: throwing('connect', 'i:ipi'),
  setsockopt: throwing('setsockopt', 'i:iiipi'),
  chmod: throwing('chmod', 'i:si'),
  sendmsg: throwing('sendmsg', 'l:ipi'),
  recvmsg: throwing('recvmsg', 'l:ipi'),
};

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
/** asm-generic, 64-bit: x86-64 and arm64. */
const SO_SNDTIMEO = 21;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** sizeof sun_path, unix(7): a longer path is reached through its directory's descriptor. */
const SUN_PATH_BYTES = 108;

/** A pair for packets: [ours, the other's]. */
export const packetPair = (): readonly [Fd, Fd] => socketPair(SOCK_SEQPACKET);

export const streamPair = (): readonly [Fd, Fd] => socketPair(SOCK_STREAM);

function socketPair(type: number): readonly [Fd, Fd] {
  const fds = new Uint8Array(8);
  sys.socketpair('', AF_UNIX, type | SOCK_CLOEXEC, 0, fds);
  const view = viewOf(fds);
  return [view.getInt32(0, LITTLE_ENDIAN), view.getInt32(4, LITTLE_ENDIAN)];
}

/** A stream socket that is neither bound nor connected. */
export const newUnixSocket = (type = SOCK_STREAM): Fd =>
  sys.socket('AF_UNIX', AF_UNIX, type | SOCK_CLOEXEC, 0);

/** Has a new stream socket listen at path; only the owner may connect (mode 0600). */
export const listenAt = (socket: Fd, path: string): void =>
  withAddress(path, (address) => listen(socket, path, address));

function listen(socket: Fd, path: string, address: Uint8Array): void {
  // bind(2) gives the new file the mode of the socket: no moment at which others may connect.
  fchmod(socket, 0o600, path);
  sys.bind(path, socket, address, address.length);
  sys.listen(path, socket, 1);
}

/** A listening stream socket bound to path; only the owner may connect (mode 0600). */
export const listenUnix = (path: string): Fd =>
  unixSocket(path, (fd, address) => listen(fd, path, address));

/**
 * A stream socket connected to the one that listens at path. With `timeoutMs`, EAGAIN when that or a later
 * send takes longer.
 */
export const connectUnix = (path: string, timeoutMs?: number): Fd =>
  unixSocket(path, (fd, address) => {
    if (timeoutMs !== undefined) setSendTimeout(fd, timeoutMs);
    sys.connect(path, fd, address, address.length);
  });

/** A datagram socket bound to path, to which everybody may send who finds it. */
export const bindDatagram = (path: string): Fd =>
  unixSocket(
    path,
    (fd, address) => {
      sys.bind(path, fd, address, address.length);
      sys.chmod(path, path, 0o777);
    },
    SOCK_DGRAM,
  );

/** A datagram socket connected to the one at path, or with an @ in front at an abstract name: unix(7). */
export const connectDatagram = (path: string): Fd =>
  unixSocket(
    path,
    (fd, address) => {
      // The whole length is an abstract name's, a NUL at its end too.
      const length = path.startsWith('@') ? address.length - 1 : address.length;
      if (length < address.length) address[2] = 0;
      sys.connect(path, fd, address, length);
    },
    SOCK_DGRAM,
  );

/** The next connection to a listening socket. */
export const accept = (socket: Fd): Fd =>
  sys.accept4(`${socket}`, socket, null, null, SOCK_CLOEXEC);

/** struct timeval: | i64 seconds | i64 microseconds |. */
function setSendTimeout(fd: Fd, timeoutMs: number): void {
  const time = new Uint8Array(16);
  const view = viewOf(time);
  view.setBigInt64(0, BigInt(Math.floor(timeoutMs / 1000)), LITTLE_ENDIAN);
  view.setBigInt64(8, BigInt((timeoutMs % 1000) * 1000), LITTLE_ENDIAN);
  sys.setsockopt(`${fd}`, fd, SOL_SOCKET, SO_SNDTIMEO, time, time.length);
}

function unixSocket(
  path: string,
  use: (fd: Fd, address: Uint8Array) => void,
  type = SOCK_STREAM,
): Fd {
  const fd = newUnixSocket(type);
  try {
    withAddress(path, (address) => use(fd, address));
    return fd;
  } catch (thrown) {
    close(fd);
    throw thrown;
  }
}

function withAddress(path: string, use: (address: Uint8Array) => void): void {
  const name = engine().encodeUtf8(path);
  if (name.length < SUN_PATH_BYTES) {
    use(socketAddress(name));
    return;
  }
  const slash = path.lastIndexOf('/');
  closing(open(path.slice(0, slash) || '/', O_PATH | O_DIRECTORY), (directory) => {
    const short = `/proc/self/fd/${directory}/${path.slice(slash + 1)}`;
    use(socketAddress(engine().encodeUtf8(short)));
  });
}

/** struct sockaddr_un: | u16 AF_UNIX | path NUL | */
function socketAddress(name: Uint8Array): Uint8Array {
  if (name.length >= SUN_PATH_BYTES) throw new RangeError('socket name too long');
  const address = new Uint8Array(2 + name.length + 1);
  address[0] = AF_UNIX;
  address.set(name, 2);
  return address;
}

/** Sends one message, with descriptors where given (SCM_RIGHTS). A closed peer is EPIPE, no signal. */
export function send(socket: Fd, data: Uint8Array, fds: readonly Fd[] = []): void {
  const message = new Message(data, 4 * fds.length);
  message.setDescriptors(fds);
  sys.sendmsg(`${socket}`, socket, message.header, MSG_NOSIGNAL);
}

export interface Received {
  /** Empty at the end of the stream. */
  readonly data: Uint8Array;
  readonly fds: readonly Fd[];
}

/** Receives one message of at most `size` bytes and at most 8 descriptors. */
export function receive(socket: Fd, size: number): Received {
  if (inbox?.buffer.length !== size) {
    // Of an ArrayBuffer: V8 moves a small array that has none of its own, and the address is kept.
    const buffer = new Uint8Array(new ArrayBuffer(size));
    inbox = { buffer, message: new Message(buffer, DESCRIPTORS_BYTES) };
  }
  const { buffer, message } = inbox;
  message.reset();
  const length = sys.recvmsg(`${socket}`, socket, message.header, MSG_CMSG_CLOEXEC);
  return { data: buffer.slice(0, length), fds: message.descriptors() };
}

const DESCRIPTORS_BYTES = 4 * 8;

/** Of the last message: one comes after the other, and mostly of the same size. */
let inbox: { readonly buffer: Uint8Array; readonly message: Message } | undefined;

const HEADER_BYTES = 56;
const CONTROL_HEADER_BYTES = 16;

/**
 * struct msghdr with one iovec and one control message, in one block:
 * | name, u32 namelen, pad | iov, u64 iovlen | control, u64 controllen | i32 flags, pad |
 * | iovec: base, u64 length | cmsghdr: u64 length, i32 level, i32 type | descriptors |
 */
class Message {
  readonly header: Uint8Array;
  private readonly view: DataView;
  private readonly controlOffset = HEADER_BYTES + 16;
  private readonly controlBytes: number;

  constructor(data: Uint8Array, descriptorBytes: number) {
    this.controlBytes =
      descriptorBytes === 0 ? 0 : CONTROL_HEADER_BYTES + Math.ceil(descriptorBytes / 8) * 8;
    this.header = new Uint8Array(this.controlOffset + this.controlBytes);
    this.view = viewOf(this.header);
    const base = engine().address(this.header);
    this.setAddress(16, base + BigInt(HEADER_BYTES));
    this.setLength(24, 1);
    if (descriptorBytes > 0) this.setAddress(32, base + BigInt(this.controlOffset));
    if (data.length > 0) this.setAddress(HEADER_BYTES, engine().address(data));
    this.setLength(HEADER_BYTES + 8, data.length);
    this.reset();
  }

  /** What recvmsg(2) has written: how much room for descriptors there is again. */
  reset(): void {
    this.setLength(40, this.controlBytes);
  }

  private setAddress(offset: number, value: bigint): void {
    this.view.setBigUint64(offset, value, LITTLE_ENDIAN);
  }

  /** A u64 whose upper half is 0 and stays so. */
  private setLength(offset: number, value: number): void {
    this.view.setUint32(offset, value, LITTLE_ENDIAN);
  }

  setDescriptors(fds: readonly Fd[]): void {
    if (fds.length === 0) return;
    this.setLength(this.controlOffset, CONTROL_HEADER_BYTES + 4 * fds.length);
    this.view.setInt32(this.controlOffset + 8, SOL_SOCKET, LITTLE_ENDIAN);
    this.view.setInt32(this.controlOffset + 12, SCM_RIGHTS, LITTLE_ENDIAN);
    fds.forEach((fd, index) => {
      const offset = this.controlOffset + CONTROL_HEADER_BYTES + 4 * index;
      this.view.setInt32(offset, fd, LITTLE_ENDIAN);
    });
  }

  descriptors(): readonly Fd[] {
    const received = this.view.getUint32(40, LITTLE_ENDIAN);
    if (received < CONTROL_HEADER_BYTES) return [];
    const length = this.view.getUint32(this.controlOffset, LITTLE_ENDIAN);
    const level = this.view.getInt32(this.controlOffset + 8, LITTLE_ENDIAN);
    const type = this.view.getInt32(this.controlOffset + 12, LITTLE_ENDIAN);
    if (level !== SOL_SOCKET || type !== SCM_RIGHTS) return [];
    const count = Math.max(0, (length - CONTROL_HEADER_BYTES) >> 2);
    return Array.from({ length: count }, (_, index) =>
      this.view.getInt32(this.controlOffset + CONTROL_HEADER_BYTES + 4 * index, LITTLE_ENDIAN),
    );
  }
}
