/**
 * What podman, docker and containerd really ask for: the config.json of real containers, with the
 * engine's own files (images, sockets, its hook) replaced by stand-ins of the test.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Config, toJson } from './config.ts';
import { isTsrun, TOP, useContainers } from './runtime.ts';

const t = useContainers();
const FIXTURES = join(TOP, 'test/fixtures/real-configs');
const names = readdirSync(FIXTURES).filter((name) => name.endsWith('.json'));

/** For every file that is mounted; what reads it as /etc/passwd finds it well formed. */
const STAND_IN = 'root:x:0:0:root:/root:/bin/sh\n';

/** The limits of the machine the config comes from may be above what this one allows. */
function lowerRlimits(config: Config): void {
  const own = readFileSync('/proc/self/limits', 'utf8');
  const rows = {
    RLIMIT_NOFILE: /^Max open files +\S+ +(\d+)/m,
    RLIMIT_NPROC: /^Max processes +\S+ +(\d+)/m,
  };
  for (const limit of config.process.rlimits ?? []) {
    const pattern = (rows as Record<string, RegExp>)[limit.type];
    const ceiling = Number(pattern?.exec(own)?.[1] ?? Number.POSITIVE_INFINITY);
    limit.hard = Math.min(Number(limit.hard), ceiling);
    limit.soft = Math.min(Number(limit.soft), ceiling);
  }
}

/** A bundle of the config on a busybox root; the process says that it ran. */
function prepare(name: string): string {
  const config = JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')) as Config;
  const bundle = t.newDirectory();
  config.root.path = t.freshRootfs();
  config.process.args = ['sh', '-c', 'id -u; cat /proc/self/status | grep -c Cap'];
  config.process.env = [...config.process.env, `TSRUN_TEST=${t.mark}`];
  config.linux.cgroupsPath = `/${t.mark}-${basename(name, '.json')}`;
  delete config.process.terminal; // terminals have their own tests
  delete config.hooks; // dockerd's hook is the engine itself
  lowerRlimits(config);
  for (const [index, mount] of config.mounts.entries()) {
    if (mount.type !== 'bind') continue;
    mount.source = join(bundle, `source${index}`);
    if (/^\/(data|dev\/shm)$/.test(mount.destination)) mkdirSync(mount.source, { mode: 0o777 });
    else writeFileSync(mount.source, STAND_IN);
  }
  const owner = config.linux.uidMappings?.find((one) => one.containerID === 0)?.hostID;
  if (owner !== undefined) spawnSync('chown', ['-R', `${owner}:${owner}`, config.root.path]);
  writeFileSync(join(bundle, 'config.json'), toJson(config));
  return bundle;
}

describe('config.json of real engines', () => {
  it('is there', () => {
    expect(names.length).toBeGreaterThanOrEqual(11);
  });
  it.each(names)('%s runs', (name) => {
    const { status, stdout, stderr } = t.call(['run', '--bundle', prepare(name), t.newId()]);
    const uid = /limits|volumes/.test(name) && !name.startsWith('podman-limits') ? '1000' : '0';
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${uid}\n5\n`, stderr: '' });
  });
  it.runIf(isTsrun).each(names)('%s plans without being root of anything', (name) => {
    const { status, stdout, stderr } = t.call(['plan', '--bundle', prepare(name)]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('execve');
  });
});
