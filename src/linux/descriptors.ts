/** Calls on descriptors themselves: duplicates, flags, sealed memory files. */
import { engine } from '../engine/current.ts';
import { failedWith, throwing, unless } from './call.ts';
import { closing, type Fd, writeAll } from './files.ts';

const sys = {
  fcntl: throwing('fcntl', 'i:iii'),
  memfd_create: throwing('memfd_create', 'i:si'),
  lseek: throwing('lseek', 'l:iii'),
};

const F_GETFD = 1;
const F_DUPFD_CLOEXEC = 1030;
const F_SETFD = 2;
const F_ADD_SEALS = 1033;
const SEAL_SEAL_SHRINK_GROW_WRITE = 0x1 | 0x2 | 0x4 | 0x8;
const MFD_CLOEXEC = 0x1;
const MFD_ALLOW_SEALING = 0x2;
const MFD_NOEXEC_SEAL = 0x8;
const MFD_EXEC = 0x10;

/** Whether a descriptor of this number is open. */
export const isOpen = (fd: Fd): boolean =>
  unless(['EBADF'], () => sys.fcntl(`${fd}`, fd, F_GETFD, 0)) !== undefined;

/** Another descriptor of the same, above the standard streams. */
export const duplicate = (fd: Fd): Fd => sys.fcntl(`${fd}`, fd, F_DUPFD_CLOEXEC, 10);

/** Lets a descriptor pass execve(2). */
export const clearCloseOnExec = (fd: Fd): void => {
  sys.fcntl(`${fd}`, fd, F_SETFD, 0);
};

/**
 * A memory file nobody can change any more (memfd_create(2), F_ADD_SEALS), to be executed:
 * /proc/<pid>/exe of what runs from it leads to no file of the host (CVE-2019-5736).
 */
export function sealedProgram(name: string, image: Uint8Array): Fd {
  const fd = memfd(name, MFD_ALLOW_SEALING, MFD_EXEC);
  writeAll(fd, image, name);
  sys.fcntl(name, fd, F_ADD_SEALS, SEAL_SEAL_SHRINK_GROW_WRITE);
  return fd;
}

/** A memory file that holds `data`, its position at the start; not for execution. */
export function memoryFile(name: string, data: Uint8Array): Fd {
  const fd = memfd(name, 0, MFD_NOEXEC_SEAL);
  writeAll(fd, data, name);
  rewind(fd);
  return fd;
}

/** Sets a descriptor's position to the start: lseek(2). */
export const rewind = (fd: Fd): void => {
  sys.lseek(`${fd}`, fd, 0, 0);
};

/** Linux 6.3 wants to be told whether a memfd is a program (vm.memfd_noexec); earlier ones refuse it. */
function memfd(name: string, flags: number, execution: number): Fd {
  try {
    return sys.memfd_create(name, name, MFD_CLOEXEC | flags | execution);
  } catch (thrown) {
    if (!failedWith(thrown, 'EINVAL')) throw thrown;
    return sys.memfd_create(name, name, MFD_CLOEXEC | flags);
  }
}

/** Runs `use` with a memory file holding text. */
export const withMemoryFile = <T>(name: string, text: string, use: (fd: Fd) => T): T =>
  closing(memoryFile(name, engine().encodeUtf8(text)), use);
