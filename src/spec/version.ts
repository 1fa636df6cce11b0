/** ociVersion: the version of the runtime-spec a config was written for (config.md "Specification version"). */
import type { Spec } from '../generated/spec.ts';
import { error, type Problem } from './problem.ts';

/** The newest version of the runtime-spec this implements. */
export const OCI_VERSION = '1.3.0';

/** The oldest version whose configs are accepted. */
export const OCI_VERSION_MIN = '1.0.0';

/** semver.org 2.0.0, without the rules for leading zeros in pre-release parts. */
const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/** Any 1.x, newer ones too: minor versions only add, and what is not known is named by a warning. */
export function checkOciVersion(spec: Spec): readonly Problem[] {
  const major = SEMVER.exec(spec.ociVersion)?.[1];
  if (major === undefined) {
    return [error('/ociVersion', 'must be a SemVer version', spec.ociVersion)];
  }
  if (major === '1') return [];
  const expected = `1.x, at most ${OCI_VERSION}`;
  return [{ ...error('/ociVersion', 'is not supported', spec.ociVersion), expected }];
}
