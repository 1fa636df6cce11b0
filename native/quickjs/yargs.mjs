/**
 * yargs where there is no Node: its factory over a platform that has no files and no process. The build
 * takes this module wherever `yargs` is imported.
 */

import cliui from 'cliui';
import { y18n } from '../../node_modules/y18n/build/lib/index.js';
import { YargsFactory } from '../../node_modules/yargs/build/lib/yargs-factory.js';
import en from '../../node_modules/yargs/locales/en.json';
import Parser from '../../node_modules/yargs-parser/browser.js';
import stringWidth from './stringWidth.mjs';

const missing = (what) => () => {
  throw new Error(`yargs wants ${what}`);
};

const files = {
  readFileSync: () => JSON.stringify(en),
  writeFile: missing('to write a file'),
};

const path = {
  basename: (name) => name.slice(name.lastIndexOf('/') + 1),
  dirname: (name) => name.slice(0, Math.max(0, name.lastIndexOf('/'))),
  extname: (name) => /\.[^./]*$/.exec(name)?.[0] ?? '',
  relative: (_from, to) => to,
  resolve: (...parts) => parts.join('/'),
  join: (...parts) => parts.join('/'),
};

/** Of this process: yargs asks for $SHELL when completions are printed. */
function environmentVariable(name) {
  const entry = globalThis.tsrunHost.environ().find((line) => line.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
}

export default YargsFactory({
  assert: { notStrictEqual: () => {}, strictEqual: () => {} },
  cliui,
  findUp: () => undefined,
  getCallerFile: missing('the file of its caller'),
  getEnv: environmentVariable,
  getProcessArgvBin: () => 'tsrun',
  inspect: String,
  mainFilename: 'tsrun',
  Parser,
  path,
  process: {
    argv: () => [],
    cwd: () => '/',
    emitWarning: () => {},
    execPath: () => '',
    exit: missing('to exit'),
    nextTick: (callback) => {
      Promise.resolve().then(callback);
    },
    stdColumns: null,
  },
  readFileSync: files.readFileSync,
  readdirSync: () => [],
  require: missing('to require a module'),
  stringWidth,
  y18n: y18n(
    { directory: '/', updateFiles: false },
    {
      fs: files,
      format: (text, ...values) => values.reduce((done, value) => done.replace('%s', value), text),
      resolve: path.resolve,
      exists: () => true,
    },
  ),
});
