/** The plan of `exec`, whole: what joins, in which order, on whose behalf. */
import { describe, expect, it } from 'vitest';
import { buildPlan } from '../../../src/plan/build.ts';
import type { ExecContext, HostFacts, JoinedContainer } from '../../../src/plan/context.ts';
import {
  planEnterCgroups,
  planEnterNamespaces,
  planOpenContainer,
} from '../../../src/plan/join.ts';
import { EXEC } from '../../../src/plan/sequence.ts';
import { contextOf, HOST, opsOf, outline, specOf } from '../context.ts';

const CONTAINER: JoinedContainer = {
  pid: 4711,
  startTime: 123456,
  cgroups: ['/sys/fs/cgroup/web'],
  sharesUserNamespace: false,
};

const NAMESPACES = ['pid', 'network', 'ipc', 'uts', 'mount'] as const;

type Facts = Parameters<typeof contextOf>[1] & { readonly container?: Partial<JoinedContainer> };

const spec = (
  types: readonly ('user' | 'time' | 'cgroup' | (typeof NAMESPACES)[number])[] = NAMESPACES,
) => specOf({ linux: { namespaces: types.map((type) => ({ type })) } });

const joining = (of = spec(), { container, ...facts }: Facts = {}): ExecContext => ({
  ...contextOf(of, facts),
  container: { ...CONTAINER, ...container },
});

const kernel = (facts: Partial<HostFacts['kernel']>) => ({
  host: { kernel: { ...HOST.kernel, ...facts } },
});

const V1: Partial<HostFacts> = { cgroup: { version: 1, hierarchies: [] } };

describe('--systemd-cgroup without root', () => {
  const directory = '/sys/fs/cgroup/user.slice/tsrun-web.scope';
  const rootless = (container: Partial<JoinedContainer>) =>
    joining(spec(), {
      options: { rootless: true },
      container: {
        unit: { name: 'tsrun-web.scope', bus: 'user', timeoutMs: 5000, directory },
        cgroups: [directory],
        ...container,
      },
    });
  const attach = {
    call: 'attach_unit',
    unit: 'tsrun-web.scope',
    bus: 'user',
    timeout_ms: 5000,
    subgroup: '',
    pid: 'outer',
  };

  it("has systemd move the process: the cgroups above are not the user's to write to", () => {
    expect(opsOf(planEnterCgroups(rootless({})))).toEqual([attach]);
    expect(opsOf(planEnterNamespaces(rootless({})))).not.toContainEqual(
      expect.objectContaining({ call: 'close', fd: 'cgroup' }),
    );
  });
  it('names the sub-cgroup as the unit knows it', () => {
    const sub = rootless({ cgroups: [`${directory}/a/b`] });
    expect(opsOf(planEnterCgroups(sub))).toEqual([{ ...attach, subgroup: '/a/b' }]);
  });
  it('is the same as without systemd for root', () => {
    const { container } = rootless({});
    expect(opsOf(planEnterCgroups(joining(spec(), { container })))).toMatchObject([
      { call: 'openat', path: directory },
    ]);
  });
});

describe('the plan of exec', () => {
  it('opens the container, goes to its cgroups and namespaces, then becomes the process', () => {
    expect(outline(buildPlan(EXEC, joining()).steps)).toEqual([
      'runtime open_process ',
      'outer openat ',
      'outer openat ',
      'outer prctl /linux/namespaces',
      'outer setns /linux/namespaces',
      'outer close ',
      'outer close ',
      'outer clone3 ',
      'init close ',
      'init sched_setaffinity ',
      'init openat /root/path',
      'init setsid ',
      'init keyctl_session ',
      'init reopen_null ',
      'init umask /process/user/umask',
      'init close_range ',
      'init chdir /process/cwd',
      'init capbset_drop /process/capabilities/bounding',
      'init chown_stdio /process/user/uid',
      'init setgroups /process/user/additionalGids',
      'init setgid /process/user/gid',
      'init setuid /process/user/uid',
      'init capset /process/capabilities',
      'init cap_ambient /process/capabilities/ambient',
      'init check_cwd /process/cwd',
      'init find_home /process/env',
      'init find_executable /process/args',
      'init executing ',
      'init execve /process/args',
    ]);
  });
  it('has no step that makes a container: no mounts, no hooks, no state, no start socket', () => {
    const made = ['save_state', 'listen', 'cgroup_create', 'mount', 'move_mount', 'hook', 'accept'];
    const { steps } = buildPlan(
      EXEC,
      joining({ ...spec(), hooks: { poststart: [{ path: '/bin/true' }] } }),
    );
    expect(steps.filter(({ op }) => made.includes(op.call))).toEqual([]);
  });
  it('leaves /dev/console to the first process, and tells of the pid when only execve is left', () => {
    const of = specOf({
      process: { cwd: '/', args: ['sh'], terminal: true },
      linux: { namespaces: [{ type: 'mount' }] },
    });
    const options = { consoleSocket: '/run/tty', pidFile: '/run/pid', pidfdSocket: '/run/pidfd' };
    const ops = opsOf(buildPlan(EXEC, joining(of, { options })).steps);
    expect(ops[0]).toEqual({ call: 'connect', path: '/run/tty', out: 'console-socket' });
    expect(ops.find(({ call }) => call === 'console')).toMatchObject({ mount: 0, root: 'root' });
    expect(ops.slice(-6)).toMatchObject([
      { call: 'find_executable' },
      { call: 'connect', path: '/run/pidfd', out: 'pidfd-socket' },
      { call: 'send_fd', socket: 'pidfd-socket', fd: 'pidfd', payload: 'setns' },
      { call: 'write_pid_file', path: '/run/pid', pid: 'init' },
      { call: 'executing' },
      { call: 'execve' },
    ]);
  });
  it("stays in its caller's session keyring where the container has none of its own", () => {
    const calls = (noNewKeyring: boolean) =>
      opsOf(buildPlan(EXEC, joining(spec(), { options: { noNewKeyring } })).steps).map(
        ({ call }) => call,
      );
    expect(calls(false)).toContain('keyctl_session');
    expect(calls(true)).not.toContain('keyctl_session');
  });
});

describe('process.execCPUAffinity', () => {
  const affinity = (execCPUAffinity: { initial?: string; final?: string }) => {
    const process = { cwd: '/', args: ['sh'], execCPUAffinity };
    return buildPlan(EXEC, joining(specOf({ process })))
      .steps.filter(({ op }) => op.call === 'sched_setaffinity' || op.call === 'openat')
      .filter(({ origin }) => origin !== '/root/path')
      .map(({ op, origin }) => [origin, op.call === 'sched_setaffinity' ? [...op.mask] : op.call]);
  };
  it('is set before the cgroups are entered, and again behind it', () => {
    expect(affinity({ initial: '0', final: '1,3' })).toEqual([
      ['', 'openat'],
      ['/process/execCPUAffinity/initial', [1]],
      ['', 'openat'],
      ['/process/execCPUAffinity/final', [0b1010]],
    ]);
  });
  it('is every CPU of the cpuset without a final list', () => {
    expect(affinity({ initial: '0' }).at(-1)).toEqual(['', []]);
  });
});

describe('joining', () => {
  const join = (context: ExecContext) => opsOf(planEnterNamespaces(context));
  it('is one setns with a pidfd, with nothing of the host left open behind it', () => {
    expect(opsOf(planOpenContainer(joining()))).toEqual([
      { call: 'open_process', pid: 4711, start_time: 123456n, pidfd: 'container' },
    ]);
    expect(join(joining())).toMatchObject([
      { call: 'prctl' },
      { call: 'setns', fd: 'container', nstype: 0x6c020000 },
      { call: 'close', fd: 'container' },
      { call: 'close', fd: 'proc' },
      { call: 'clone3', flags: 0n, cgroup: 'cgroup' },
      { call: 'close', fd: 'cgroup' },
    ]);
  });
  it('becomes root of the user namespace', () => {
    expect(join(joining(spec([...NAMESPACES, 'user']), { host: V1 })).slice(1, 6)).toMatchObject([
      { call: 'setns', nstype: 0x7c020000 },
      { call: 'setgid', gid: 0 },
      { call: 'setuid', uid: 0 },
      { call: 'close', fd: 'container' },
      { call: 'close', fd: 'proc' },
    ]);
  });
  it("leaves out a user namespace that is tsrun's own", () => {
    const context = joining(spec([...NAMESPACES, 'user']), {
      container: { sharesUserNamespace: true },
    });
    expect(join(context)[1]).toMatchObject({ call: 'setns', nstype: 0x6c020000 });
    expect(join(context).map(({ call }) => call)).not.toContain('setuid');
  });
  it('before Linux 5.8 opens every namespace first; user is last with privileges, first without', () => {
    const old = kernel({ setnsPidfd: false });
    const of = spec(['user', 'mount', 'pid']);
    expect(opsOf(planOpenContainer(joining(of, old)))).toEqual([
      { call: 'open_process', pid: 4711, start_time: 123456n, directory: 'container-proc' },
    ]);
    const order = (facts: Facts) =>
      join(joining(of, facts)).flatMap((op) =>
        op.call === 'setns' ? [op.fd] : op.call === 'openat' ? [op.path] : [],
      );
    expect(order(old)).toEqual(['ns/pid', 'ns/mnt', 'ns/user', 'ns:pid', 'ns:mount', 'ns:user']);
    expect(order({ host: { ...old.host, euid: 1000 } }).slice(3)).toEqual([
      'ns:user',
      'ns:pid',
      'ns:mount',
    ]);
  });
  it("without a mount namespace goes to the container's root by chroot", () => {
    const context = joining(spec(['pid']));
    expect(opsOf(planOpenContainer(context))).toMatchObject([
      { pidfd: 'container', directory: 'container-proc' },
    ]);
    const ops = opsOf(buildPlan(EXEC, context).steps);
    expect(ops).toContainEqual(
      expect.objectContaining({ call: 'openat', dirfd: 'container-proc', path: 'root' }),
    );
    expect(ops).toContainEqual({ call: 'close', fd: 'container-proc' });
    expect(ops).toContainEqual({ call: 'chroot', path: '.' });
  });
  it('of no namespace at all is no setns', () => {
    const calls = join(joining(spec([]))).map(({ call }) => call);
    expect(calls).not.toContain('setns');
    expect(calls).toContain('clone3');
  });
});

describe('the cgroups', () => {
  it('are given to clone3 on v2 before init joins the cgroup and user namespaces, where it is refused', () => {
    const inside = joining(spec([...NAMESPACES, 'cgroup', 'user']));
    expect(opsOf(planEnterCgroups(inside))).toMatchObject([{ call: 'openat', out: 'cgroup' }]);
    expect(planEnterNamespaces(inside).slice(1)).toMatchObject([
      { actor: 'outer', op: { call: 'setns', fd: 'container', nstype: 0x6c020000 } },
      { actor: 'outer', op: { call: 'close', fd: 'proc' } },
      { actor: 'outer', op: { call: 'clone3', flags: 0n, cgroup: 'cgroup' } },
      { actor: 'init', op: { call: 'close', fd: 'cgroup' } },
      { actor: 'init', op: { call: 'setns', fd: 'container', nstype: 0x12000000 } },
      { actor: 'init', op: { call: 'setgid', gid: 0 } },
      { actor: 'init', op: { call: 'setuid', uid: 0 } },
      { actor: 'init', op: { call: 'close', fd: 'container' } },
    ]);
  });
  it('are given to clone3 before Linux 5.8 too, with the namespaces one by one', () => {
    const old = joining(spec(['cgroup', 'mount']), kernel({ setnsPidfd: false }));
    const steps = planEnterNamespaces(old).flatMap(({ actor, op }) =>
      op.call === 'setns' || op.call === 'clone3'
        ? [[actor, op.call === 'setns' ? op.fd : op.call]]
        : [],
    );
    expect(steps).toEqual([
      ['outer', 'ns:mount'],
      ['outer', 'clone3'],
      ['init', 'ns:cgroup'],
    ]);
  });
  it('are given to clone3 on v2', () => {
    expect(opsOf(planEnterCgroups(joining()))).toMatchObject([
      { call: 'openat', path: '/sys/fs/cgroup/web', out: 'cgroup' },
    ]);
  });
  it('are entered by the executor itself on v1, and on v2 before Linux 5.7', () => {
    const container = { cgroups: ['/sys/fs/cgroup/cpu/web', '/sys/fs/cgroup/memory/web'] };
    const moves = (file: string) =>
      container.cgroups.map((path) => ({ call: 'write', path: `${path}/${file}`, data: '0' }));
    const v1 = joining(spec(), { host: V1, container });
    expect(opsOf(planEnterCgroups(v1))).toEqual(moves('tasks'));
    expect(opsOf(planEnterNamespaces(v1))).toContainEqual({ call: 'clone3', flags: 0n });
    const old = joining(spec(), { ...kernel({ cloneIntoCgroup: false }), container });
    expect(opsOf(planEnterCgroups(old))).toEqual(moves('cgroup.procs'));
  });
  it("and without privileges: a user namespace's root may not write to the host's cgroups", () => {
    const context = joining(spec([...NAMESPACES, 'user']), { host: { euid: 1000 } });
    expect(opsOf(planEnterCgroups(context))).toEqual([
      { call: 'write', path: '/sys/fs/cgroup/web/cgroup.procs', data: '0' },
    ]);
    expect(opsOf(planEnterNamespaces(context))).toContainEqual({ call: 'clone3', flags: 0n });
  });
});
