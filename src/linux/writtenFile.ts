/** A file that is written to several times, each time from its start. */
import { engine } from '../engine/current.ts';
import { throwing } from './call.ts';
import { O_WRONLY } from './constants/file.ts';
import { close, type Fd, open, writeExisting } from './files.ts';

const sys = { pwrite: throwing('pwrite', 'l:ipii') };

/**
 * What `writeExisting` writes to, kept open for who writes to it again: the list of a cgroup's devices takes one
 * rule a write(2). SystemError as there; the file is closed then.
 */
export class WrittenFile {
  private path = '';
  private fd: Fd | undefined;

  /** With `goesOn` the next text is for the same path. */
  write(path: string, text: string, goesOn: boolean): void {
    if (this.path !== path) this.close();
    if (this.fd === undefined && !goesOn) {
      writeExisting(path, text);
      return;
    }
    this.path = path;
    this.fd ??= open(path, O_WRONLY);
    try {
      writeAtStart(this.fd, text, path);
    } catch (thrown) {
      this.close();
      throw thrown;
    }
    if (!goesOn) this.close();
  }

  private close(): void {
    const { fd, path } = this;
    this.fd = undefined;
    if (fd !== undefined) close(fd, path);
  }
}

/** As if the file had just been opened; a kernel's own file takes all at once. */
function writeAtStart(fd: Fd, text: string, path: string): void {
  const bytes = engine().encodeUtf8(text);
  let offset = sys.pwrite(path, fd, bytes, bytes.length, 0);
  while (offset < bytes.length) {
    const rest = bytes.subarray(offset);
    offset += sys.pwrite(path, fd, rest, rest.length, offset);
  }
}
