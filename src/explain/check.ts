/** `tsrun check`: what is wrong with a bundle's config.json, for people, programs and code scanners. */
import type { Invocation } from '../cli/invocation.ts';
import { print } from '../cli/output.ts';
import { contextFor, DETACHED } from '../container/prepare.ts';
import { probeHost } from '../container/probe.ts';
import { engine } from '../engine/current.ts';
import { configMissing, usage } from '../errors.ts';
import type { Spec } from '../generated/spec.ts';
import { unless } from '../linux/call.ts';
import { F_OK, X_OK } from '../linux/constants/file.ts';
import { access, readText, readTextIfExists } from '../linux/files.ts';
import { realPath } from '../linux/paths.ts';
import { type Checked, checkConfig } from '../spec/load.ts';
import { parseLocated } from '../spec/position.ts';
import { bundleRequest } from './bundle.ts';
import { viewOfBundle } from './files.ts';
import { type Finding, findingOf, hostFinding } from './finding.ts';
import { formatFindings, formatFindingsJson } from './findingText.ts';
import { lookAtHost, type Machine } from './host.ts';
import { formatSarif } from './sarif.ts';

const FORMATS = {
  text: formatFindings,
  json: formatFindingsJson,
  sarif: formatSarif,
} as const;

/** Exits with 1 when the config has an error. */
export function check(invocation: Invocation): void {
  const { values, args } = invocation;
  const name = values.text('format') ?? '';
  if (name !== 'text' && name !== 'json' && name !== 'sarif')
    throw usage('invalid format option', 'check');
  const given = args[0] ?? (values.text('bundle') || '.');
  const file = given === '.' ? 'config.json' : `${given.replace(/\/+$/, '')}/config.json`;
  const text = unless(['ENOENT', 'ENOTDIR'], () => readText(file));
  if (text === undefined) throw configMissing(file);
  const checked = checkConfig(text);
  const findings = checked.problems.map(findingOf);
  if (!values.isSet('no-host')) findings.push(...hostFindings(invocation, given, text, checked));
  print(FORMATS[name](file, text, findings.sort(inFileOrder)));
  engine().exit(findings.some(({ severity }) => severity === 'error') ? 1 : 0);
}

/** What this host lacks for a config that is right. */
function hostFindings(
  invocation: Invocation,
  bundle: string,
  text: string,
  { value }: Checked<Spec>,
): readonly Finding[] {
  if (value === undefined) return [];
  const request = bundleRequest(invocation, realPath(bundle));
  const context = contextFor(request, value, probeHost(), DETACHED);
  const located = parseLocated(text);
  return lookAtHost(context, machineFor(context.options.rootfs, value)).map((problem) =>
    hostFinding({ ...problem, position: located.positionOf(problem.path) }),
  );
}

const machineFor = (rootfs: string, spec: Spec): Machine => ({
  text: (path) => unless(['EACCES', 'EPERM'], () => readTextIfExists(path)),
  exists: (path) => access(path, F_OK),
  isExecutable: (path) => access(path, X_OK),
  view: viewOfBundle(rootfs, spec),
});

const inFileOrder = ({ position: a }: Finding, { position: b }: Finding): number =>
  (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0);
