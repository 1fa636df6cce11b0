/** podman in a sandbox: with its own storage and containers.conf, on one of the runtimes. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { runtimePath } from './count.ts';
import type { Runtime } from './features.ts';
import { makeRootfsArchive } from './image.ts';
import { hasSystemd } from './machine.ts';
import { type Result, type RunOptions, type Sandbox, TOP, until } from './sandbox.ts';

export interface Podman {
  readonly sandbox: Sandbox;
  readonly runtime: Runtime;
  /** `podman ARGS`. */
  call(args: readonly string[], options?: RunOptions): Result;
  /** The same of a command that must succeed; gives its standard output without the last newline. */
  ok(...args: readonly string[]): string;
  /** A line of shell, `podman-VERB` in it standing for this podman and the verb. */
  expand(line: string): string;
  /** `podman run --rm --network=none ARGS`. */
  run(...args: readonly string[]): Result;
  /** Starts a container detached, and removes it when `use` is done with it. */
  with(args: readonly string[], use: (id: string) => void | Promise<void>): Promise<void>;
  /** Waits until `podman inspect` says this of a container. */
  waitFor(id: string, format: string, value: string): Promise<void>;
}

export const IMAGE = 'localhost/busybox';

/** `podman import` of the archive; the options are the image's. */
export const IMPORT: readonly string[] = [
  'import',
  ...['CMD ["sh"]', 'ENV PATH=/bin'].flatMap((change) => ['-c', change]),
];

/** This machine grants no CAP_SYS_RESOURCE, so no limit above the caller's own can be the default. */
const ULIMITS = '"nofile=1024:1024","nproc=4096:4096"';

/**
 * Gives the sandbox an /etc/containers of its own, with the drop-in that is shipped in the place that its
 * documentation says, and imports the image.
 */
export function preparePodman(sandbox: Sandbox): void {
  const etc = join(sandbox.directory, 'etc-containers');
  cpSync('/etc/containers', etc, { recursive: true });
  cpSync(DROP_IN, join(etc, 'containers.conf.d/50-tsrun.conf'));
  sandbox.file(
    'etc-containers/containers.conf',
    `[containers]\ndefault_ulimits = [${ULIMITS}]\n` +
      `[engine]\ncgroup_manager = "${CGROUP_MANAGER}"\nevents_logger = "file"\n`,
  );
  sandbox.ok(['mount', '--bind', etc, '/etc/containers']);
  const archive = makeRootfsArchive(sandbox.directory);
  openPodman(sandbox, 'runc').ok(...IMPORT, archive, IMAGE);
}

/** podman's own choice with systemd is systemd. */
export const CGROUP_MANAGER = hasSystemd ? 'systemd' : 'cgroupfs';

const DROP_IN = join(TOP, 'native/packaging/containers.conf.d/50-tsrun.conf');

/** podman with the sandbox's storage and this runtime. */
export function podmanProgram(sandbox: Sandbox, runtime: string): readonly string[] {
  const at = (name: string) => join(sandbox.directory, name);
  const storage = ['--root', at('storage'), '--runroot', '/run/podman', '--tmpdir', '/run/libpod'];
  return ['podman', ...storage, '--runtime', runtime];
}

export function openPodman(sandbox: Sandbox, runtime: Runtime): Podman {
  const program = podmanProgram(sandbox, runtimePath(runtime));
  const self: Podman = {
    sandbox,
    runtime,
    call: (args, options = {}) => sandbox.run([...program, ...args], options),
    ok: (...args) => sandbox.ok([...program, ...args]).replace(/\n$/, ''),
    expand: (line) => line.replaceAll('podman-', `${program.join(' ')} `),
    run: (...args) => self.call(['run', '--rm', '--network=none', ...args]),
    async with(args, use) {
      const id = self.ok('run', '-d', '--network=none', ...args);
      try {
        await use(id);
      } finally {
        self.ok('rm', '-f', '-t', '0', id);
        await sandbox.noCgroup(id);
      }
    },
    waitFor: (id, format, value) =>
      until(() => self.ok('inspect', '-f', format, id) === value, `${format} ${value} of ${id}`),
  };
  return self;
}
