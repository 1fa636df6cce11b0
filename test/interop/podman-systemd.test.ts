/** podman where systemd makes the cgroups, with tsrun in runc's place: scopes, slices, delegation. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { type Feature, testFeatures } from './features.ts';
import { hasAppArmor, type Limits, limitFiles, limitWords, loadProfiles } from './machine.ts';
import { IMAGE, openPodman, type Podman, preparePodman } from './podman.ts';
import { useSandbox } from './sandbox.ts';

const PROFILE = 'tsrun-engine-podman';
const sandbox = useSandbox((opened) => {
  preparePodman(opened);
  if (hasAppArmor) loadProfiles([PROFILE], opened.directory);
});

const where = 'machine';
const words = (text: string): string => text.trim().split(/\s+/).join(' ');
const scopeOf = (id: string) => `libpod-${id}.scope`;

/** What systemd says of a unit's properties: their values, a line each. */
const showUnit = (unit: string, ...properties: readonly string[]): string =>
  sandbox.ok(['systemctl', 'show', '-p', properties.join(','), unit]).trim();

const cgroupOf = (podman: Podman, id: string): string => {
  const pid = podman.ok('inspect', '-f', '{{.State.Pid}}', id);
  return readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().replace('0::', '');
};

const FEATURES: readonly Feature<Podman>[] = [
  {
    name: 'run, exec, stats: a scope whose properties are the limits, a profile of AppArmor',
    where,
    check: (podman) => {
      const limits: Limits = { memoryBytes: 64 << 20, cpuQuotaUsec: 50_000, pids: 50 };
      const options = ['--memory=64m', '--cpus=0.5', '--pids-limit=50'];
      const confined = ['--security-opt', `apparmor=${PROFILE}`];
      return podman.with([...options, ...confined, IMAGE, 'sleep', '1000'], (id) => {
        expect(cgroupOf(podman, id)).toMatch(`/machine.slice/${scopeOf(id)}`);
        expect(showUnit(scopeOf(id), 'MemoryMax', 'TasksMax', 'CPUQuotaPerSecUSec')).toBe(
          'CPUQuotaPerSecUSec=500ms\nMemoryMax=67108864\nTasksMax=50',
        );
        const attributes = ['/proc/1/attr/current', '/proc/self/attr/current'];
        const shown = podman.ok('exec', id, 'cat', ...limitFiles(limits), ...attributes);
        const profile = `${PROFILE} (enforce)`;
        expect(words(shown)).toBe(`${limitWords(limits)} ${profile} ${profile}`);
        expect(podman.ok('stats', '--no-stream', '--format', '{{.PIDs}}', id)).toBe('1');
      });
    },
  },
  {
    name: 'update: the property and the file; pause, unpause',
    where,
    check: (podman) =>
      podman.with(['--memory=64m', IMAGE, 'sleep', '1000'], (id) => {
        podman.ok('update', '--memory=128m', '--cpus=0.25', id);
        expect(showUnit(scopeOf(id), 'MemoryMax', 'CPUQuotaPerSecUSec')).toBe(
          'CPUQuotaPerSecUSec=250ms\nMemoryMax=134217728',
        );
        const limits: Limits = { memoryBytes: 128 << 20, cpuQuotaUsec: 25_000 };
        expect(words(podman.ok('exec', id, 'cat', ...limitFiles(limits)))).toBe(limitWords(limits));
        const frozen = () =>
          /frozen (\d)/.exec(
            readFileSync(`/sys/fs/cgroup${cgroupOf(podman, id)}/cgroup.events`, 'utf8'),
          )?.[1];
        podman.ok('pause', id);
        expect(frozen()).toBe('1');
        podman.ok('unpause', id);
        expect(frozen()).toBe('0');
      }),
  },
  {
    name: '--cgroup-parent, --cgroupns=host, --cgroups=no-conmon',
    where,
    check: (podman) => {
      const parent = ['--cgroup-parent=tsrun-engines.slice', '--cgroupns=host'];
      return podman.with([...parent, '--cgroups=no-conmon', IMAGE, 'sleep', '1000'], async (id) => {
        const path = `/tsrun.slice/tsrun-engines.slice/${scopeOf(id)}`;
        expect(cgroupOf(podman, id)).toMatch(path);
        expect(podman.ok('exec', id, 'cat', '/proc/self/cgroup')).toMatch(`0::${path}`);
        expect(sandbox.cgroups().filter((one) => one.includes(`conmon-${id}`))).toEqual([]);
      });
    },
  },
  {
    name: "--cgroups=split: below the unit that podman runs in, systemd's Delegate",
    where,
    check: (podman) => {
      const unit = `tsrun-split-${podman.runtime}`;
      const inUnit = ['systemd-run', '--quiet', '--wait', '--pipe', '--collect', '--unit', unit];
      const namespaces = ['nsenter', '-t', sandbox.pid, '-m', '-n'];
      const run = 'podman-run --rm --network=none --cgroups=split --cgroupns=host';
      const line = podman.expand(`${run} ${IMAGE} cat /proc/self/cgroup`);
      const command = ['-p', 'Delegate=yes', ...namespaces, ...line.split(' ')];
      expect(sandbox.ok([...inUnit, ...command])).toMatch(
        new RegExp(`^0::/system.slice/${unit}.service/libpod-payload-[0-9a-f]{64}\\n`),
      );
    },
  },
  {
    name: 'pod create --memory: a slice of the pod, a scope of each container',
    where,
    check: async (podman) => {
      const pod = podman.ok('pod', 'create', '--memory=96m', '--share=ipc', '--network=none');
      const slice = `machine-libpod_pod_${pod}.slice`;
      try {
        const id = podman.ok('run', '-d', '--pod', pod, '--memory=48m', IMAGE, 'sleep', '1000');
        const path = `/machine.slice/${slice}/${scopeOf(id)}`;
        expect(cgroupOf(podman, id)).toMatch(path);
        const memoryMax = (cgroup: string) =>
          readFileSync(`/sys/fs/cgroup${cgroup}/memory.max`, 'utf8').trim();
        expect(memoryMax(`/machine.slice/${slice}`)).toBe(`${96 << 20}`);
        expect(memoryMax(path)).toBe(`${48 << 20}`);
      } finally {
        podman.ok('pod', 'rm', '-f', '-t', '0', pod);
      }
      await sandbox.noCgroup(pod);
    },
  },
];

testFeatures('podman with systemd', FEATURES, (runtime) => openPodman(sandbox, runtime));
