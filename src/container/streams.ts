/** Where the files that init has open lead, as CRIU is told of them: by name what is not the container's own. */
import { unless } from '../linux/call.ts';
import { listDirectory, readlink, readText } from '../linux/files.ts';
import { readMountInfo } from '../linux/mountinfo.ts';

export interface OpenFiles {
  /**
   * Of standard input, output and error: `pipe:[123]`, `/dev/null`, as runc writes it; `file[mount:inode]` for a file
   * on no mount of the container's.
   */
  readonly streams: readonly string[];
  /** All `file[mount:inode]`. */
  readonly outside: readonly string[];
}

/** Shells put a stream aside at this number or above, while they redirect it for a command. */
const FIRST_ASIDE = 10;

export function openFilesOf(pid: number): OpenFiles {
  const own = new Set(readMountInfo(pid).map(({ number }) => number));
  const links = new Map<number, string>();
  for (const { name } of listDirectory(`/proc/${pid}/fd`)) {
    const link = unless(['ENOENT'], () => linkOf(pid, name, own));
    if (link !== undefined) links.set(Number(name), link);
  }
  const streams = [0, 1, 2].map((fd) => links.get(fd) ?? '');
  const outside = [...new Set(links.values())].filter(isOutside);
  const aside = [...links].flatMap(([fd, link]) =>
    fd >= FIRST_ASIDE && isOutside(link) && !streams.includes(link) ? [link] : [],
  );
  return { streams: streams.map((link) => (isRedirected(link) && aside.shift()) || link), outside };
}

const isOutside = (link: string): boolean => link.startsWith('file[');

const isRedirected = (link: string): boolean => link.startsWith('/') && !link.startsWith('/dev/');

function linkOf(pid: number, fd: string, own: ReadonlySet<string>): string {
  const link = readlink(`/proc/${pid}/fd/${fd}`);
  if (!link.startsWith('/')) return link;
  const info = readText(`/proc/${pid}/fdinfo/${fd}`);
  const mount = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
  const inode = /^ino:\s*(\d+)$/m.exec(info)?.[1];
  if (mount === undefined || inode === undefined || own.has(mount)) return link;
  return `file[${Number(mount).toString(16)}:${Number(inode).toString(16)}]`;
}
