/** Something wrong with a config. Problems are data: all of them are collected, then reported. */
import type { ConfigPath } from '../plan/step.ts';

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
}

export const error = (path: ConfigPath, message: string, got?: unknown): Problem =>
  problem('error', path, message, got);
export const warning = (path: ConfigPath, message: string, got?: unknown): Problem =>
  problem('warning', path, message, got);

function problem(
  severity: Problem['severity'],
  path: ConfigPath,
  message: string,
  got: unknown,
): Problem {
  if (got === undefined) return { severity, path, message };
  const text = JSON.stringify(got, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  return { severity, path, message, got: text };
}
