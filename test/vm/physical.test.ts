/** linux.netDevices with a network card, not a link that software makes: the machine has one of virtio's. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until, useContainers } from '../integration/runtime.ts';

const t = useContainers();

const ip = (...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  return stdout;
};

const isOnHost = (name: string): boolean =>
  readFileSync('/proc/net/dev', 'utf8').includes(`${name}:`);

let card = '';
beforeAll(() => {
  spawnSync('modprobe', ['virtio_net']);
  card =
    readdirSync('/sys/class/net').find((name) => existsSync(`/sys/class/net/${name}/device`)) ?? '';
  expect(card).not.toBe('');
});
beforeEach(() => {
  ip('link', 'set', card, 'mtu', '1300', 'up');
  ip('addr', 'add', '192.0.2.7/24', 'dev', card);
});

/** A running container that has the card, and what ip(8) says of it there. */
function give(name: string | undefined) {
  const { id, result } = t.create((config) => {
    config.process.args = ['sleep', '1000'];
    config.linux.netDevices = { [card]: name === undefined ? {} : { name } };
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(t.call(['start', id])).toMatchObject({ status: 0, stderr: '' });
  const own = ['-t', `${t.state(id).pid}`, '-n', 'ip', 'addr', 'show', 'dev', name ?? card];
  return { id, seen: spawnSync('nsenter', own, { encoding: 'utf8' }).stdout };
}

describe('linux.netDevices: a network card', () => {
  it("is the container's, with name, address and MTU, and the host's again after delete", async () => {
    const hardware = readFileSync(`/sys/class/net/${card}/address`, 'utf8').trim();
    const { id, seen } = give('net7');
    expect(seen).toMatch(/ net7: <[^>]*\bUP\b[^>]*> mtu 1300 /);
    expect(seen).toContain(`link/ether ${hardware}`);
    expect(seen).toContain('inet 192.0.2.7/24 ');
    expect(isOnHost(card)).toBe(false);
    expect(t.call(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    // The kernel gives it back some time after the namespace's end, under the name it has by then.
    await until(() => isOnHost('net7'), 'the card to come back');
    expect(readFileSync('/sys/class/net/net7/address', 'utf8').trim()).toBe(hardware);
    ip('link', 'set', 'net7', 'down', 'name', card);
  });
  it("is the host's again when the container ends, before it is deleted", async () => {
    const { id, seen } = give(undefined);
    expect(seen).toContain(` ${card}: `);
    expect(isOnHost(card)).toBe(false);
    expect(t.call(['kill', id, 'KILL'])).toMatchObject({ status: 0 });
    await until(() => isOnHost(card), 'the card to come back');
    expect(t.state(id).status).toBe('stopped');
  });
});
