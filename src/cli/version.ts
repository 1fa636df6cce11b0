/** Which tsrun this is. */
import { version } from '../../package.json';
import { OCI_VERSION } from '../spec/version.ts';

/** Set by the bundler; a tree that is run from source has none. */
declare const TSRUN_COMMIT: string | undefined;

export const VERSION: string = version;

/** The commit this was built from, `unknown` when that is not known. */
export const COMMIT: string = typeof TSRUN_COMMIT === 'string' ? TSRUN_COMMIT : 'unknown';

/** What `--version` prints: three lines, which go-runc demands exactly. */
export const formatVersion = (): string =>
  `tsrun version ${VERSION}\ncommit: ${COMMIT}\nspec: ${OCI_VERSION}\n`;
