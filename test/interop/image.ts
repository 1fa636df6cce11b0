/** The one image of the tests: busybox, as archives that engines can import. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOP } from './sandbox.ts';

/** Makes `<directory>/rootfs.tar` and gives its path. */
export function makeRootfsArchive(directory: string): string {
  const rootfs = join(directory, 'rootfs');
  const archive = join(directory, 'rootfs.tar');
  const make = 'sh "$1" "$2" && tar --owner=0 --group=0 -C "$2" -cf "$3" .';
  const script = join(TOP, 'bundles/make-rootfs.sh');
  sh(make, script, rootfs, archive);
  return archive;
}

/** An image archive as `docker save` writes it: one layer, under one name. */
export function makeImageArchive(directory: string, name: string, cmd: readonly string[]): string {
  const content = join(directory, 'image');
  mkdirSync(content);
  const layer = makeRootfsArchive(directory);
  const digest = createHash('sha256').update(readFileSync(layer)).digest('hex');
  renameSync(layer, join(content, 'layer.tar'));
  const config = {
    architecture: { x64: 'amd64', arm64: 'arm64' }[process.arch as string],
    os: 'linux',
    config: { Cmd: cmd, Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  };
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  writeFileSync(join(content, 'config.json'), JSON.stringify(config));
  writeFileSync(join(content, 'manifest.json'), JSON.stringify(manifest));
  const archive = join(directory, 'image.tar');
  sh('tar -C "$1" -cf "$2" manifest.json config.json layer.tar', content, archive);
  return archive;
}

function sh(script: string, ...args: readonly string[]): void {
  const done = spawnSync('sh', ['-euc', script, 'image', ...args], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${script}: ${done.stderr}`);
}
