/** Which cgroups a process that joins a container enters: `exec --cgroup`. */
import { invalidSubgroup } from '../errors.ts';
import { readTextIfExists } from '../linux/files.ts';
import type { CgroupLayout } from '../plan/context.ts';

/**
 * The container's cgroup directories, each with the sub-cgroup asked for. `args` are runc's: one path for
 * all, or on v1 `controller[,controller]:path`, several. Throws `usage`. On v2 a cgroup that hands
 * controllers on can hold no process (cgroups(7)): there it is init's actual one, unless one was named.
 */
export function cgroupsToEnter(
  own: readonly string[],
  args: readonly string[],
  layout: CgroupLayout,
  init: number,
): readonly string[] {
  const subgroups = parseSubgroups(args);
  if (layout.version !== 1) {
    const named = [...subgroups.keys()].find((controller) => controller !== '');
    if (named !== undefined)
      throw invalidSubgroup(args.join(' '), 'cgroup v2 has no controllers to name');
  }
  const everywhere = subgroups.get('');
  if (layout.version === 1) checkControllers(subgroups, layout.hierarchies);
  if (layout.version === 2 && everywhere === undefined) {
    return own.map((directory) =>
      isInner(directory) ? actual(layout.mountpoint, init) : directory,
    );
  }
  return own.map((directory) => {
    const sub = everywhere ?? subgroupFor(directory, subgroups, layout);
    return sub === undefined ? directory : below(directory, sub);
  });
}

/** `''` stands for every controller. */
export function parseSubgroups(args: readonly string[]): ReadonlyMap<string, string> {
  const subgroups = new Map<string, string>();
  for (const arg of args) {
    const [first = '', second, ...more] = arg.split(':');
    if (more.length > 0) throw invalidSubgroup(arg, 'expected [controller[,controller]:]path');
    if (second === undefined) {
      if (args.length > 1) throw invalidSubgroup(arg, 'missing <controller>: prefix');
      subgroups.set('', first);
      continue;
    }
    for (const controller of first.split(',')) {
      if (controller === '') throw invalidSubgroup(arg, 'empty controller');
      if (subgroups.has(controller)) {
        throw invalidSubgroup(arg, `controller ${controller} specified multiple times`);
      }
      subgroups.set(controller, second);
    }
  }
  return subgroups;
}

function checkControllers(
  subgroups: ReadonlyMap<string, string>,
  hierarchies: readonly { readonly controllers: readonly string[] }[],
): void {
  for (const [name, path] of subgroups) {
    if (name === '' || hierarchies.some(({ controllers }) => controllers.includes(name))) continue;
    throw invalidSubgroup(`${name}:${path}`, `there is no controller ${name}`);
  }
}

function subgroupFor(
  directory: string,
  subgroups: ReadonlyMap<string, string>,
  layout: CgroupLayout,
): string | undefined {
  if (layout.version !== 1 || subgroups.size === 0) return undefined;
  const hierarchy = layout.hierarchies.find(({ mountpoint }) =>
    directory.startsWith(`${mountpoint}/`),
  );
  const found = hierarchy?.controllers.find((controller) => subgroups.has(controller));
  return found === undefined ? undefined : subgroups.get(found);
}

/** `..` may not lead out of the container's cgroup, where its limits do not hold. */
function below(directory: string, path: string): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..' && names.pop() === undefined) {
      throw invalidSubgroup(path, "leads out of the container's cgroup");
    }
    if (name !== '..' && name !== '.' && name !== '') names.push(name);
  }
  return [directory, ...names].join('/');
}

const isInner = (directory: string): boolean =>
  (readTextIfExists(`${directory}/cgroup.subtree_control`) ?? '').trim() !== '';

function actual(mountpoint: string, pid: number): string {
  const line = readTextIfExists(`/proc/${pid}/cgroup`)
    ?.split('\n')
    .find((text) => text.startsWith('0::'));
  return `${mountpoint}${line?.slice('0::'.length) ?? ''}`;
}
