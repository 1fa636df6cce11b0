import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TsrunError } from '../../../src/errors.ts';
import { formatJson } from '../../../src/spec/formatJson.ts';
import { checkConfig, loadConfig, loadProcess, loadResources } from '../../../src/spec/load.ts';

const directory = new URL('../../fixtures/real-configs/', import.meta.url);
const real = readdirSync(directory).map((name) => [
  name,
  readFileSync(new URL(name, directory), 'utf8'),
]);

describe('loadConfig', () => {
  it.each(real)('accepts %s as an engine wrote it', (_name, text = '') => {
    const { value, warnings } = loadConfig(text, 'config.json');
    expect(value).toStrictEqual(JSON.parse(text));
    expect(warnings).toEqual([]);
  });

  const config = (members: string) =>
    `{\n"ociVersion": "1.2.0",\n"root": {"path": "rootfs"},\n${members}\n}`;
  const PROCESS = '"process": {"cwd": "/", "args": ["x"]}';

  it('keeps unsigned 64-bit limits exact in both directions', () => {
    const text = config(
      '"process":{"cwd":"/","args":["x"],"rlimits":[{"type":"RLIMIT_CORE","soft":18446744073709551614,"hard":18446744073709551615}]}',
    );
    const { value } = loadConfig(text, 'config.json');
    expect(value.process?.rlimits?.[0]).toEqual({
      type: 'RLIMIT_CORE',
      soft: 18446744073709551614n,
      hard: 18446744073709551615n,
    });
    expect(formatJson(value)).toBe(text.replace(/\s/g, ''));
  });

  it('names every problem with its line and column in one error', () => {
    const text = config(
      '"process": {"cwd": 1},\n"mounts": [{}],\n"linux": {"namespaces": [{"type": "net"}]}',
    );
    const run = () => loadConfig(text, 'config.json');
    expect(run).toThrow(TsrunError);
    expect(run).toThrow('config.json:4:20: process.cwd: must be a string (got 1)');
    expect(run).toThrow('config.json:5:12: mounts[0].destination: is required');
    expect(run).toThrow('config.json:6:35: linux.namespaces[0].type: is not a known value');
  });

  it('refuses NUL in every text of a mount, which would end there for the kernel', () => {
    const mount =
      '{"destination": "/a\\u0000", "type": "t\\u0000", "source": "\\u0000", "options": ["ro", "\\u0000"]}';
    const { problems, value } = checkConfig(config(`"mounts": [${mount}]`));
    expect(value).toBeUndefined();
    const found = problems.filter(({ path }) => path.startsWith('/mounts'));
    expect(found.map(({ path, message }) => `${path}: ${message}`)).toEqual(
      ['destination', 'type', 'source', 'options/1'].map(
        (member) => `/mounts/0/${member}: must not contain NUL`,
      ),
    );
  });

  it('reports cross-field problems beside malformed properties', () => {
    const text = '{"ociVersion": "2.0.0",\n"root": {"path": "rootfs"},\n"hostname": 5}';
    const paths = checkConfig(text).problems.map((problem) => problem.path);
    expect(paths).toEqual(expect.arrayContaining(['/ociVersion', '/hostname']));
  });

  it('names an unknown property in a warning and goes on', () => {
    const { problems, value } = checkConfig(
      config(`"annotations": {}, "hostName": "x", ${PROCESS}`),
    );
    expect(value).toBeDefined();
    expect(problems).toEqual([
      expect.objectContaining({
        severity: 'warning',
        path: '/hostName',
        position: { line: 4, column: 32 },
      }),
    ]);
  });

  it('takes null for absent, as the decoders of the engines do', () => {
    const { problems, value } = checkConfig(
      config(
        `"hooks": null, "mounts": [{"destination":"/a","type":"tmpfs","options":null}],
         "linux": {"namespaces":[{"type":"mount"}]}, ${PROCESS}`,
      ),
    );
    expect(value).not.toHaveProperty('hooks');
    expect(problems.map(({ severity, path }) => [severity, path])).toEqual([
      ['warning', '/hooks'],
      ['warning', '/mounts/0/options'],
    ]);
  });

  it('takes null for absent where the property is required', () => {
    const { problems } = checkConfig('{"ociVersion": null}');
    expect(problems.map(({ severity, path }) => [severity, path])).toContainEqual([
      'error',
      '/ociVersion',
    ]);
  });

  it('says where a text stops being JSON', () => {
    expect(() => loadConfig('{\n "a": 1,\n}', 'config.json')).toThrow(
      'config.json:3:1: is not JSON: expected a name in quotes, got "}"',
    );
  });

  it.each(['1.0', 'v1.0.0', '', '0.9.0', '2.0.0'])('refuses ociVersion %j', (version) => {
    const { problems } = checkConfig(`{"ociVersion": ${JSON.stringify(version)}}`);
    expect(problems.map(({ severity, path }) => [severity, path])).toContainEqual([
      'error',
      '/ociVersion',
    ]);
  });

  it.each(['1.0.0', '1.0.2-dev', '1.3.0+dev', '1.9.7-rc.1'])('accepts ociVersion %j', (version) => {
    const text = config('"hostname": ""').replace('1.2.0', version);
    expect(checkConfig(text).problems.filter(({ path }) => path === '/ociVersion')).toEqual([]);
  });

  it('refuses by name what it does not carry out', () => {
    const run = () =>
      loadConfig(config(`"vm": {"kernel": {"path": "/k"}}, ${PROCESS}`), 'config.json');
    expect(run).toThrow(expect.objectContaining({ code: 'config-unsupported' }));
    expect(run).toThrow('config.json:4:7: vm: asks for a virtual machine');
  });
});

describe('loadProcess', () => {
  it('reads the process of an exec', () => {
    expect(loadProcess('{"cwd":"/","args":["id"]}', 'p.json').value).toEqual({
      cwd: '/',
      args: ['id'],
    });
  });

  it('names problems by their path in that file', () => {
    expect(() => loadProcess('{"args":[1],"cwd":"/"}', 'p.json')).toThrow(
      'p.json:1:10: args[0]: must be a string',
    );
  });
});

describe('loadResources', () => {
  it('reads the resources of an update', () => {
    const text = '{"memory":{"limit":-1},"unified":{"memory.high":"max"}}';
    expect(loadResources(text, '-').value).toEqual(JSON.parse(text));
  });
});
