/** JSON pointers into config.json (RFC 6901), the way people write properties. */
import type { ConfigPath } from '../plan/step.ts';

/** `/mounts/3/destination` → `['mounts', '3', 'destination']`. */
export const parseConfigPath = (path: ConfigPath): readonly string[] =>
  path === ''
    ? []
    : path
        .slice(1)
        .split('/')
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** `mounts[3].destination`; keys that are no plain names in quotes: `annotations["run.oci.x"]`. */
export function formatConfigPath(path: ConfigPath): string {
  let text = '';
  for (const part of parseConfigPath(path)) {
    if (/^[0-9]+$/.test(part)) text += `[${part}]`;
    else if (!/^[A-Za-z_$][\w$]*$/.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** The value a pointer leads to; undefined where it leads nowhere. */
export function valueAt(config: unknown, path: ConfigPath): unknown {
  let value = config;
  for (const part of parseConfigPath(path)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = Object.entries(value).find(([key]) => key === part)?.[1];
  }
  return value;
}
