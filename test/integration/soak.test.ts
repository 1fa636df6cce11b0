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
/** The kernel charges by the page and keeps some for each processor. In 5 s a page an exec would be a MiB. */
const SLACK_KIB = 128;

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
 * cache of files.
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

/** What ended last the kernel frees a moment later (RCU), and until then it is counted. */
async function settledMemoryOf(id: string, limitKib: number): Promise<Memory> {
  let memory = memoryOf(id);
  for (let tries = 0; memory.container > limitKib && tries < 100; tries += 1) {
    await new Promise((done) => setTimeout(done, 100));
    memory = memoryOf(id);
  }
  return memory;
}

type Left = ReturnType<typeof leftBy>;
type Memory = ReturnType<typeof memoryOf>;

/** Without output: of a file the kernel charges the container the buffer heads too, and those stay. */
async function round(id: string): Promise<void> {
  const all = Array.from({ length: AT_ONCE }, (_, n) =>
    t.spawn(['exec', id, 'sh', '-c', `exit ${n}`]),
  );
  const results = await Promise.all(all.map(({ ended }) => ended));
  const expected = all.map((_, status) => ({ status, stdout: '', stderr: '' }));
  expect(results).toEqual(expected);
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
    expect(rounds).toBeGreaterThan(0);
    const after = await settledMemoryOf(id, memory.container + SLACK_KIB);
    console.log(describeSoak(rounds * AT_ONCE, before, memory, after));
    expect(after.init).toBeLessThanOrEqual(memory.init + SLACK_KIB);
    expect(after.container).toBeLessThanOrEqual(memory.container + SLACK_KIB);
  });
});

/** The figures: README.md has those of a minute. */
const describeSoak = (
  execs: number,
  { processes, descriptorsOfInit, threadsOfInit, cgroups, mountsOfContainer }: Left,
  memory: Memory,
  after: Memory,
): string =>
  [
    `soak: ${execs} execs in ${SECONDS} s. Before and after: ${processes.length} process,`,
    `${descriptorsOfInit} descriptors, ${threadsOfInit} thread, ${cgroups} cgroups,`,
    `${mountsOfContainer} mounts; memory of init ${memory.init} and ${after.init} KiB,`,
    `of the container ${memory.container} and ${after.container} KiB`,
  ].join(' ');
