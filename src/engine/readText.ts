/** Engine.readText where the host has no better way: the twin of native/quickjs/files.c. */
import type { Engine, FailedCall } from './engine.ts';

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const EINTR = 4;
const CHUNK_BYTES = 16_384;

export function textReader({
  bind,
  errno,
  decodeUtf8,
}: Pick<Engine, 'bind' | 'errno' | 'decodeUtf8'>): Engine['readText'] {
  const openat = bind('openat', 'i:isii');
  const read = bind('read', 'l:ipi');
  const close = bind('close', 'i:i');

  const again = (call: () => number): number => {
    for (;;) {
      const result = call();
      if (result !== -1 || errno() !== EINTR) return result;
    }
  };
  const failed = (call: FailedCall['call']): FailedCall => ({ call, errno: errno() });

  /** A file of /proc may come in pieces: only a read of nothing is the end. */
  const readAll = (fd: number): Uint8Array | FailedCall => {
    let bytes = new Uint8Array(CHUNK_BYTES);
    let length = 0;
    for (;;) {
      const rest = bytes.subarray(length);
      const count = again(() => read(fd, rest, rest.length));
      if (count < 0) return failed('read');
      if (count === 0) return bytes.subarray(0, length);
      length += count;
      if (length < bytes.length) continue;
      const larger = new Uint8Array(2 * length);
      larger.set(bytes);
      bytes = larger;
    }
  };

  return (dirfd, path) => {
    const fd = again(() => openat(dirfd, path, O_RDONLY | O_CLOEXEC, 0));
    if (fd < 0) return failed('openat');
    const contents = readAll(fd);
    const isClosed = close(fd) === 0;
    if (!(contents instanceof Uint8Array)) return contents;
    return isClosed ? decodeUtf8(contents) : failed('close');
  };
}
