/** Configs nobody should write: they run, or are refused with the property, and in reasonable time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from './config.ts';
import { isTsrun, useContainers } from './runtime.ts';

const t = useContainers();

const many = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const says = (config: Config, script: string) => {
  config.process.args = ['sh', '-c', script];
};

describe.runIf(isTsrun)('process', () => {
  it('env of 100,000 variables arrives', () => {
    const { stdout, stderr } = t.run((config) => {
      config.process.args = ['env'];
      config.process.env.push(...many(100_000, (i) => `V${i}=1`));
    });
    expect(stderr).toBe('');
    expect(stdout.match(/^V\d+=1$/gm)?.length).toBe(100_000);
  });
  it('args of a mebibyte is refused in the words of execve(2), with the property', () => {
    const { status, stdout, stderr } = t.run((config) => {
      config.process.args = ['true', 'x'.repeat(2 ** 20)];
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^tsrun: run "[^"]+": process\.args: exec \S*true: argument list too long\n$/,
    );
  });
  it('env holds every byte but NUL', () => {
    const every = many(255, (i) => String.fromCharCode(i + 1)).join('');
    const { stdout } = t.run((config) => {
      says(config, 'printf %s "$EVERY" | wc -c');
      config.process.env.push(`EVERY=${every}`);
    });
    expect(stdout.trim()).toBe(String(Buffer.byteLength(every)));
  });
});

describe.runIf(isTsrun)('the rest', () => {
  it('10,000 maskedPaths and 65,536 annotations cost no more than moments', () => {
    const start = Date.now();
    const { status, stderr } = t.run((config) => {
      config.linux.maskedPaths = many(10_000, (i) => `/proc/none${i}`);
      config.annotations = Object.fromEntries(many(65_536, (i) => [`key${i}`, 'value']));
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(Date.now() - start).toBeLessThan(20_000);
  });
  it('2,000 mounts are made', () => {
    const { stdout, stderr } = t.run((config) => {
      says(config, 'grep -c " /dev/many" /proc/self/mountinfo');
      config.mounts.push(
        ...many(2000, (i) => ({ destination: `/dev/many/${i}`, type: 'tmpfs', source: 'tmpfs' })),
      );
    });
    expect({ stdout, stderr }).toEqual({ stdout: '2000\n', stderr: '' });
  });
  it.each([
    ['nested 100,000 deep', `{"ociVersion":"1.0.0","annotations":${'['.repeat(100_000)}`],
    [
      'a number of 5,000 digits',
      `{"ociVersion":"1.0.0","process":{"cwd":"/","oomScoreAdj":1${'0'.repeat(5000)}}}`,
    ],
    ['empty', ''],
    ['NUL', '\0'],
  ])('a config.json that is %s is refused with its place', (_name, text) => {
    const bundle = t.newDirectory();
    writeFileSync(join(bundle, 'config.json'), text);
    const { status, stderr } = t.call(['create', '--bundle', bundle, t.newId()]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tsrun: create "[^"]+": config\.json(:\d+:\d+: |: \d+ problems\n)/);
    expect(stderr.length).toBeLessThan(4000);
  });
});
