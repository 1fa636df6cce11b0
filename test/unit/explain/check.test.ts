import { describe, expect, it } from 'vitest';
import { type Finding, findingOf, KINDS } from '../../../src/explain/finding.ts';
import { formatFindings, formatFindingsJson, widthAt } from '../../../src/explain/findingText.ts';
import { lookAtHost, type Machine } from '../../../src/explain/host.ts';
import { formatSarif } from '../../../src/explain/sarif.ts';
import type { Spec } from '../../../src/generated/spec.ts';
import { checkConfig } from '../../../src/spec/load.ts';
import { contextOf, PROCESS, ROOTLESS, specOf as specWithoutPath } from '../context.ts';

const TEXT = `{
  "ociVersion": "1.2.0",
  "root": { "path": "rootfs" },
  "process": { "args": ["sh"], "cwd": "tmp", "capabilites": {} },
\t"linux": { "seccomp": { "defaultAction": "SCMP_ACT_ALOW" } }
}
`;
const findings = checkConfig(TEXT).problems.map(findingOf);

describe('check', () => {
  it('shows each problem with its place, its line, a caret below the value and what was meant', () => {
    expect(formatFindings('config.json', TEXT, findings)).toBe(
      [
        'config.json:4:39: error: process.cwd: must be an absolute path (got "tmp") [config-invalid]',
        '    4 |   "process": { "args": ["sh"], "cwd": "tmp", "capabilites": {} },',
        '      |                                       ^^^^^',
        '',
        'config.json:4:61: warning: process.capabilites: is not a property of the runtime specification and is ignored; did you mean capabilities? [unknown-property]',
        '    4 |   "process": { "args": ["sh"], "cwd": "tmp", "capabilites": {} },',
        '      |                                                             ^',
        '',
        'config.json:5:43: error: linux.seccomp.defaultAction: is not a known value (got "SCMP_ACT_ALOW", expected "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY"); did you mean "SCMP_ACT_ALLOW"? [config-invalid]',
        '    5 | \t"linux": { "seccomp": { "defaultAction": "SCMP_ACT_ALOW" } }',
        '      | \t                                         ^^^^^^^^^^^^^^^',
        '',
        'config.json: 2 errors, 1 warning',
        '',
      ].join('\n'),
    );
  });
  it('as JSON has the same, for programs', () => {
    const document = JSON.parse(formatFindingsJson('config.json', TEXT, findings));
    expect(document).toMatchObject({ file: 'config.json', errors: 2, warnings: 1 });
    expect(document.findings[1]).toStrictEqual({
      severity: 'warning',
      kind: 'unknown-property',
      property: '/process/capabilites',
      message: 'is not a property of the runtime specification and is ignored',
      suggestion: 'capabilities',
      line: 4,
      column: 61,
    });
  });
  it('as SARIF 2.1.0 has a result a problem, each of a rule that is described', () => {
    const { version, runs } = JSON.parse(formatSarif('b/config.json', TEXT, findings));
    expect(version).toBe('2.1.0');
    const [{ tool, results }] = runs;
    expect(results.map((result: { level: string }) => result.level)).toEqual([
      'error',
      'warning',
      'error',
    ]);
    const rules = tool.driver.rules.map(({ id }: { id: string }) => id);
    expect(rules).toEqual(Object.keys(KINDS));
    for (const { ruleId } of results) expect(rules).toContain(ruleId);
    expect(results[0].locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: 'b/config.json' },
      region: { startLine: 4, startColumn: 39, endColumn: 44 },
    });
  });
  it('marks a string with its quotes, a number, a word, and the begin of anything else', () => {
    expect(['"a\\"b" ', '12.5,', 'true}', '[1]'].map((line) => widthAt(line, 1))).toEqual([
      6, 4, 4, 1,
    ]);
  });
});

const machine = (
  files: Record<string, string> = {},
  view: Machine['view'] = () => 'unseen',
): Machine => ({
  text: (path) => files[path],
  exists: (path) => path in files || path.endsWith('/rootfs') || path.startsWith('/proc/self/ns'),
  isExecutable: (path) => path in files,
  view,
});
const process = { ...PROCESS, env: ['PATH=/bin'] };
const specOf = (spec: Partial<Spec>): Spec => specWithoutPath({ process, ...spec });
const specOfLinux = (linux: NonNullable<Spec['linux']>): Spec => specOf({ linux });
const paths = (found: readonly { path: string }[]) => found.map(({ path }) => path);

describe('check of the host', () => {
  it('a right config on a host that has everything has no finding', () => {
    expect(lookAtHost(contextOf(specOf({})), machine())).toEqual([]);
  });
  it('linux.namespaces: one this kernel lacks, one that is switched off, one whose path is gone', () => {
    const spec = specOfLinux({ namespaces: [{ type: 'pid' }, { type: 'network', path: '/gone' }] });
    const off = machine({ '/proc/sys/user/max_pid_namespaces': '0\n' });
    expect(paths(lookAtHost(contextOf(spec), off))).toEqual([
      '/linux/namespaces/0',
      '/linux/namespaces/1/path',
    ]);
    const none = { ...machine(), exists: (path: string) => path.endsWith('rootfs') };
    expect(
      lookAtHost(contextOf(specOfLinux({ namespaces: [{ type: 'time' }] })), none)[0]?.message,
    ).toMatch(/needs time namespaces, which this kernel does not have/);
  });
  it('without root it takes a user namespace, and newuidmap for more than one id', () => {
    const context = contextOf(specOfLinux({ namespaces: [] }), { host: ROOTLESS });
    expect(paths(lookAtHost(context, machine()))).toContain('/linux/namespaces');
    const mappings = [{ containerID: 0, hostID: 1000, size: 2 }];
    const mapped = specOfLinux({ namespaces: [{ type: 'user' }], uidMappings: mappings });
    expect(paths(lookAtHost(contextOf(mapped, { host: ROOTLESS }), machine()))).toContain(
      '/linux/uidMappings',
    );
  });
  it('mounts: a source that is missing, bind left out, a type the kernel has not loaded', () => {
    const mounts = [
      { destination: '/a', source: '/gone', options: ['rbind'] },
      { destination: '/b', source: '/srv', type: 'none' },
      { destination: '/c', source: 'x', type: 'nosuchfs' },
    ];
    const host = machine({ '/proc/filesystems': 'nodev\ttmpfs\n\text4\n' });
    expect(paths(lookAtHost(contextOf(specOf({ mounts })), host))).toEqual([
      '/mounts/0/source',
      '/mounts/1',
      '/mounts/2/type',
    ]);
  });
  it('process: rlimits and oomScoreAdj that take CAP_SYS_RESOURCE, capabilities that are not to be had', () => {
    const properties = {
      rlimits: [{ type: 'RLIMIT_NOFILE' as const, soft: 1, hard: 2000 }],
      oomScoreAdj: -5,
      capabilities: { bounding: ['CAP_KILL', 'CAP_SYS_RESOURCE'] },
    };
    const spec = specOf({ process: { ...process, ...properties } });
    const host = machine({
      '/proc/self/status': 'CapEff:\t000001fffeffffff\nCapBnd:\t000001fffeffffff\n',
      '/proc/self/limits':
        'Max open files            1024                 1024                 files\n',
    });
    expect(paths(lookAtHost(contextOf(spec), host))).toEqual([
      '/process/rlimits/0/hard',
      '/process/oomScoreAdj',
      '/process/capabilities/bounding/1',
    ]);
  });
  it('hooks and sysctls that are not there', () => {
    const hooks = { prestart: [{ path: '/gone' }], createContainer: [{ path: '/inside' }] };
    const spec = specOf({ hooks, linux: { sysctl: { 'net.nosuch.x': '1' } } });
    expect(paths(lookAtHost(contextOf(spec), machine()))).toEqual([
      '/hooks/prestart/0/path',
      '/linux/sysctl/net.nosuch.x',
    ]);
  });
  it('process.args[0] that could not be executed', () => {
    const found = lookAtHost(
      contextOf(specOf({})),
      machine({}, () => undefined),
    ) as readonly Finding[];
    expect(paths(found)).toEqual(['/process/args/0']);
  });
});
