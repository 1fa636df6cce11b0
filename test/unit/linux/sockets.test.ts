import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setEngine } from '../../../src/engine/current.ts';
import { nodeEngine } from '../../../src/engine/node.ts';
import { close } from '../../../src/linux/files.ts';
import { connectUnix, listenUnix } from '../../../src/linux/sockets.ts';

setEngine(nodeEngine());

let top = '';
beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'tsrun-sockets-'));
});
afterAll(() => rmSync(top, { recursive: true }));

describe('a listening socket', () => {
  it('lets only its owner connect', () => {
    const path = join(top, 'own');
    const listening = listenUnix(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const connection = connectUnix(path);
    for (const fd of [listening, connection]) close(fd);
  });
  it('may have a path longer than sun_path holds', () => {
    const directory = join(top, 'd'.repeat(120));
    mkdirSync(directory);
    const path = join(directory, 'start.sock');
    const listening = listenUnix(path);
    const connection = connectUnix(path);
    for (const fd of [listening, connection]) close(fd);
    expect(statSync(path).isSocket()).toBe(true);
  });
  it('is refused where one is', () => {
    const path = join(top, 'twice');
    const listening = listenUnix(path);
    expect(() => listenUnix(path)).toThrow(
      expect.objectContaining({ call: 'bind', errno: 98, detail: path }),
    );
    close(listening);
  });
  it('cannot be connected to when nobody listens', () => {
    const path = join(top, 'left');
    close(listenUnix(path));
    expect(() => connectUnix(path)).toThrow(
      expect.objectContaining({ call: 'connect', errno: 111 }),
    );
  });
});
