/** `tsrun spec`: a config.json to begin with. */

import { engine } from '../engine/current.ts';
import { fileExists } from '../errors.ts';
import { failedWith } from '../linux/call.ts';
import { O_CREAT, O_EXCL, O_WRONLY } from '../linux/constants/file.ts';
import { closing, open, writeAll } from '../linux/files.ts';
import { getegid, geteuid } from '../linux/processes.ts';
import { defaultConfig } from '../spec/defaultConfig.ts';
import { formatJson } from '../spec/formatJson.ts';
import { bundleOf } from './creation.ts';
import type { Invocation } from './invocation.ts';

const CONFIG = 'config.json';

export function spec(invocation: Invocation): void {
  const rootless = invocation.values.isSet('rootless')
    ? { uid: geteuid(), gid: getegid() }
    : undefined;
  const text = formatJson(defaultConfig(rootless), '\t');
  const path = `${bundleOf(invocation)}/${CONFIG}`;
  closing(createNew(path), (fd) => writeAll(fd, engine().encodeUtf8(text), path));
}

/** O_EXCL: an existing file is left alone, whoever made it in the meantime. */
function createNew(path: string): number {
  try {
    return open(path, O_WRONLY | O_CREAT | O_EXCL, 0o666);
  } catch (thrown) {
    throw failedWith(thrown, 'EEXIST') ? fileExists(CONFIG) : thrown;
  }
}
