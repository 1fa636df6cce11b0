/** Something wrong with a config. Problems are data: all of them are collected, then reported. */
import type { ConfigPath } from '../plan/step.ts';
import { formatJson } from './formatJson.ts';
import type { Position } from './position.ts';

export interface Problem {
  readonly severity: 'error' | 'warning';
  /** JSON pointer of the property: `/mounts/3/destination`. */
  readonly path: ConfigPath;
  /** What is wrong, a clause without a capital or full stop: `must be an absolute path`. */
  readonly message: string;
  /** What was found, as JSON text, where that helps. */
  readonly got?: string;
  /** What is accepted. */
  readonly expected?: string;
  /** Where in the file the property stands; src/spec/load.ts adds it. */
  readonly position?: Position;
  /** The config is right, but this tsrun does not carry the property out. */
  readonly unsupported?: true;
}

/** A config with this cannot be carried out. `got` is the value found, printed shortened. */
export const error = (path: ConfigPath, message: string, got?: unknown): Problem =>
  problem('error', path, message, got);

/** A config with this is carried out, but not as it may have been meant. */
export const warning = (path: ConfigPath, message: string, got?: unknown): Problem =>
  problem('warning', path, message, got);

/** More of a value than this does not help. */
const GOT_LIMIT = 80;

function problem(
  severity: Problem['severity'],
  path: ConfigPath,
  message: string,
  got: unknown,
): Problem {
  if (got === undefined) return { severity, path, message };
  const text = formatJson(got);
  const short = text.length > GOT_LIMIT ? `${text.slice(0, GOT_LIMIT)}…` : text;
  return { severity, path, message, got: short };
}
