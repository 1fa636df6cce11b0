/** The one image of the tests: busybox, as an archive that every engine can import. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { TOP } from './sandbox.ts';

/** Makes `<directory>/rootfs.tar` and gives its path. */
export function makeImageArchive(directory: string): string {
  const rootfs = join(directory, 'rootfs');
  const archive = join(directory, 'rootfs.tar');
  const make = 'sh "$1" "$2" && tar --owner=0 --group=0 -C "$2" -cf "$3" .';
  const script = join(TOP, 'bundles/make-rootfs.sh');
  const done = spawnSync('sh', ['-c', make, 'image', script, rootfs, archive], {
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(`make-rootfs.sh: ${done.stderr}`);
  return archive;
}
