/** The machine a measurement was made on, in the words of its own files. */
import { existsSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return [
    `${cpus().length} × ${model}`,
    memory,
    `Linux ${release()}`,
    distribution(),
    cgroups(),
    ...(isVirtual() ? ['virtual machine'] : []),
  ].join(', ');
}

const distribution = (): string =>
  /^PRETTY_NAME="?([^"\n]*)/m.exec(read('/etc/os-release'))?.[1] ?? 'unknown distribution';

function cgroups(): string {
  const hierarchies = read('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup');
  return hierarchies.length === 0 ? 'cgroup v2' : `cgroup v1 (${hierarchies.length} hierarchies)`;
}

const isVirtual = (): boolean => / hypervisor( |$)/m.test(read('/proc/cpuinfo'));

const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
