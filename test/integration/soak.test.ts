/**
 * exec, twenty at once, again and again: nothing is left behind and nothing grows. Five seconds of it;
 * `npm run test:soak` does it for a minute (TSRUN_SOAK_SECONDS).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isV2, readCgroup } from './cgroupFiles.ts';
import { cgroupsOf, fields, useContainers } from './runtime.ts';

const t = useContainers();
const SECONDS = Number(process.env['TSRUN_SOAK_SECONDS'] ?? 5);
const AT_ONCE = 20;

const linesIn = (path: string): readonly string[] =>
  readFileSync(path, 'utf8').split('\n').filter(Boolean);

/** What an exec could leave behind: on the host, in the container, of its state. */
function leftBy(id: string) {
  const { pid } = t.state(id);
  return {
    processes: [...new Set(cgroupsOf(id).flatMap((path) => linesIn(join(path, 'cgroup.procs'))))],
    descriptorsOfInit: readdirSync(`/proc/${pid}/fd`).length,
    threadsOfInit: Number(fields(readFileSync(`/proc/${pid}/status`, 'utf8'))['Threads']),
    cgroups: cgroupsOf(id).length,
    mountsOfHost: linesIn('/proc/self/mountinfo').filter((line) => line.includes(t.mark)),
    mountsOfContainer: linesIn(`/proc/${pid}/mountinfo`).length,
    stateFiles: readdirSync(join(t.stateRoot, id)).sort(),
    stateRoot: readdirSync(t.stateRoot).sort(),
    keysOfContainer: linesIn('/proc/keys').filter((line) => line.includes(`_ses.${id}`)).length,
  };
}

/**
 * KiB: of init alone, and what the kernel counts for the container, of processes and of its own. Not the
 * cache of files, where the output of each exec is.
 */
function memoryOf(id: string) {
  const rss = fields(readFileSync(`/proc/${t.state(id).pid}/status`, 'utf8'))['VmRSS'] ?? '';
  const stat = new Map(
    readCgroup(id, 'memory', 'memory.stat')
      .split('\n')
      .map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]),
  );
  const kernel = isV2
    ? stat.get('kernel')
    : Number(readCgroup(id, 'memory', 'memory.kmem.usage_in_bytes'));
  const processes = stat.get(isV2 ? 'anon' : 'total_rss');
  return {
    init: Number.parseInt(rss, 10),
    container: Math.round(((kernel ?? Number.NaN) + (processes ?? Number.NaN)) / 1024),
  };
}

async function round(id: string): Promise<void> {
  const all = Array.from({ length: AT_ONCE }, (_, n) => t.spawn(['exec', id, 'echo', `${n}`]));
  const results = await Promise.all(all.map(({ ended }) => ended));
  const said = results.map(({ status, stdout, stderr }) => `${status} ${stdout}${stderr}`);
  expect(said).toEqual(all.map((_, n) => `0 ${n}\n`));
}

describe(`exec, ${AT_ONCE} at once for ${SECONDS} s`, () => {
  it('leaves nothing behind, and no memory grows', { timeout: (SECONDS + 60) * 1000 }, async () => {
    const id = t.newId();
    const bundle = t.bundle((config) => {
      config.process.args = ['sleep', '100000'];
    });
    expect(t.call(['run', '--detach', '--bundle', bundle, id])).toMatchObject({ status: 0 });
    // What the kernel keeps for whoever comes next (slabs, page tables) is there after the first ones.
    for (let i = 0; i < 3; i += 1) await round(id);
    const [before, memory] = [leftBy(id), memoryOf(id)];
    const end = Date.now() + SECONDS * 1000;
    let rounds = 0;
    for (; Date.now() < end; rounds += 1) await round(id);
    expect(leftBy(id)).toEqual(before);
    const after = memoryOf(id);
    console.log(`soak: ${rounds * AT_ONCE} execs in ${SECONDS} s; KiB before and after:`, {
      memory,
      after,
    });
    expect(rounds).toBeGreaterThan(0);
    expect(after.init).toBeLessThanOrEqual(memory.init + 64);
    // The kernel gives some of its own back late. A page an exec would be three times as much in five seconds.
    expect(after.container).toBeLessThanOrEqual(memory.container + 512);
  });
});
