/**
 * npm run test:arm64: builds tsrun for arm64 on another machine, and runs in emulation what needs no kernel of
 * that kind: what it prints must be what this machine's own tsrun prints, in emulation too, because qemu-user
 * knows fewer system calls than the kernel and plans differ by that. Containers are made in a virtual machine.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { containerOnArm64 } from './arm64/machine.mjs';

const top = join(import.meta.dirname, '..');
const cross = join(top, 'dist/arm64/tsrun');
const own = join(top, 'tsrun');
const emulatorOf = (processor) =>
  [`qemu-${processor}`, `qemu-${processor}-static`].find(
    (name) => spawnSync(name, ['--version']).status === 0,
  );
const emulator = emulatorOf('aarch64');
const ownEmulator = emulatorOf('x86_64');
const hasMachine = spawnSync('qemu-system-aarch64', ['--version']).status === 0;

const outcomeOf = (command, ...args) => {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: top, encoding: 'utf8' });
  return { status, stdout, stderr };
};

const build = spawnSync('npm', ['run', '--silent', 'build:arm64'], {
  cwd: top,
  stdio: 'inherit',
});
if (build.status !== 0 || !emulator || !ownEmulator || !hasMachine || !existsSync(own)) {
  console.error(
    'test:arm64 needs `npm run build` first, gcc-aarch64-linux-gnu, qemu-user and qemu-system-arm',
  );
  process.exit(1);
}

const bundles = readdirSync(join(top, 'bundles'), { withFileTypes: true })
  .filter(
    (entry) => entry.isDirectory() && existsSync(join(top, 'bundles', entry.name, 'plan.txt')),
  )
  .map(({ name }) => ['plan', '--bundle', `bundles/${name}`]);
const commands = [['--version'], ['--help'], ['create', '--help'], ['spec', '--help'], ...bundles];
commands.push(
  ['completion'],
  ['features'],
  ['state', 'no-such-container'],
  ['create', '--wrong', 'x'],
);

let failures = 0;
for (const args of commands) {
  const [emulated, expected] = [
    outcomeOf(emulator, cross, ...args),
    outcomeOf(ownEmulator, own, ...args),
  ];
  const same = JSON.stringify(emulated) === JSON.stringify(expected);
  if (!same) {
    failures += 1;
    console.error(`tsrun ${args.join(' ')}: differs`);
    console.error(firstDifference(emulated, expected));
  }
}
console.log(`arm64: ${commands.length - failures} of ${commands.length} commands print the same`);
const container = containerOnArm64(cross);
console.log(
  `arm64: a container in a virtual machine: ${container.isRight ? 'as expected' : 'FAILED'}`,
);
if (!container.isRight) console.error(container.output);
process.exit(failures === 0 && container.isRight ? 0 : 1);

function firstDifference(one, other) {
  const [left, right] = [one, other].map(({ status, stdout, stderr }) =>
    `${status}\n${stdout}\n${stderr}`.split('\n'),
  );
  const at = left.findIndex((line, index) => line !== right[index]);
  return `  arm64: ${left[at]?.slice(0, 200)}\n  here:  ${right[at]?.slice(0, 200)}`;
}
