/** linux.netDevices: interfaces of the host that become the container's. runc 1.1 does not have it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { isTsrun, useContainers } from './runtime.ts';

const t = useContainers();

const ip = (...args: string[]) => {
  const done = spawnSync('ip', args, { encoding: 'utf8' });
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
};

/** At most 15 bytes, and nobody else's. */
const HOST = `tsd${process.pid}a`;
const PEER = `tsd${process.pid}b`;
const MAC = '02:11:22:33:44:55';

/** What ip(8) says of the interfaces a process sees. */
const seenBy = (pid: number): string =>
  spawnSync('nsenter', ['-t', `${pid}`, '-n', 'ip', 'addr'], { encoding: 'utf8' }).stdout;

function makePair() {
  expect(ip('link', 'add', HOST, 'type', 'veth', 'peer', 'name', PEER)).toMatchObject({
    status: 0,
  });
  ip('link', 'set', HOST, 'address', MAC, 'mtu', '1400');
  ip('addr', 'add', '198.51.100.7/24', 'dev', HOST);
  ip('addr', 'add', '2001:db8::7/64', 'dev', HOST);
  ip('addr', 'add', '169.254.9.9/16', 'scope', 'link', 'dev', HOST);
}

afterEach(() => void ip('link', 'delete', PEER));

const create = (name: string | undefined) =>
  t.create((config) => {
    config.process.args = ['sleep', '1000'];
    config.linux.netDevices = { [HOST]: name === undefined ? {} : { name } };
  });

describe.runIf(isTsrun)('linux.netDevices', () => {
  it('moves one with its addresses, MTU and hardware address, renamed, up as it was', () => {
    makePair();
    ip('link', 'set', HOST, 'up');
    const { id, result } = create('net7');
    expect(result).toMatchObject({ status: 0 });
    const seen = seenBy(t.state(id).pid);
    expect(seen).toMatch(/net7@\S+: <[^>]*\bUP\b[^>]*> mtu 1400/);
    expect(seen).toContain(`link/ether ${MAC}`);
    expect(seen).toContain('inet 198.51.100.7/24 ');
    expect(seen).toContain('inet6 2001:db8::7/64 scope global');
    expect(seen).not.toContain('169.254.9.9');
    expect(readFileSync('/proc/net/dev', 'utf8')).not.toContain(HOST);
  });

  it('keeps its name when none is given, and stays down when it was', () => {
    makePair();
    const { id, result } = create(undefined);
    expect(result).toMatchObject({ status: 0 });
    const line = seenBy(t.state(id).pid)
      .split('\n')
      .find((each) => each.includes(HOST));
    expect(line).toMatch(/mtu 1400/);
    expect(line).not.toMatch(/\bUP\b/);
  });

  it('names the device that is not there', () => {
    const { result } = create('net7');
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(`linux.netDevices.${HOST}`);
    expect(result.stderr).toContain('ENODEV');
  });

  it('names the device whose new name is taken', () => {
    makePair();
    const { result } = create('lo');
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('EEXIST');
    expect(readFileSync('/proc/net/dev', 'utf8')).toContain(HOST);
  });
});
