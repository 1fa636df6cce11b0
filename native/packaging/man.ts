/** The manual pages, made from the command table: tsrun(8) and one page a command. */

import { version } from '../../package.json';
import { type Command, commandOf, VERBS } from '../../src/cli/commands.ts';
import { type Flag, GLOBAL_FLAGS, HELP_FLAG } from '../../src/cli/flags.ts';

/** File name to text, in roff's man macros. */
export function manPages(): ReadonlyMap<string, string> {
  const commands = VERBS.map(commandOf);
  return new Map([
    ['tsrun.8', overview(commands)],
    ...commands.map((command) => [`tsrun-${command.name}.8`, pageOf(command)] as const),
  ]);
}

/** What roff would take for its own: backslashes, and a dot or quote that begins a line. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

/** `code` in bold. */
const prose = (text: string): string =>
  text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? `\\fB${roff(part)}\\fR` : roff(part)))
    .join('');

const heading = (name: string, summary: string): string =>
  `.TH ${name.toUpperCase()} 8 "" "tsrun ${version}" "tsrun"\n.SH NAME\n${roff(name)} \\- ${roff(summary)}\n`;

const flagsOf = (flags: readonly Flag[]): string =>
  flags
    .map(({ name, alias, type, help, default: preset }) => {
      const value = type === 'bool' ? '' : ` \\fI${type === 'int' ? 'number' : 'value'}\\fR`;
      const short = alias === undefined ? '' : `\\fB\\-${alias}\\fR, `;
      const given = preset === undefined ? '' : ` (default: ${preset})`;
      const often = type === 'list' ? ' May be given several times.' : '';
      return `.TP\n${short}\\fB\\-\\-${roff(name)}\\fR${value}\n${prose(`${help}${given}.${often}`)}\n`;
    })
    .join('');

const pageOf = ({ name, summary, description, usage, flags, failureStatus }: Command): string =>
  `${heading(`tsrun-${name}`, summary)}.SH SYNOPSIS\n\\fBtsrun\\fR [\\fIglobal options\\fR] ` +
  `\\fB${roff(name)}\\fR [\\fIoptions\\fR] ${roff(usage)}\n` +
  `.SH DESCRIPTION\n${prose(description ?? `${summary[0]?.toUpperCase()}${summary.slice(1)}.`)}\n` +
  `.SH OPTIONS\n${flagsOf([...flags, HELP_FLAG])}` +
  `.SH EXIT STATUS\n0, or ${failureStatus ?? 1} when it fails${
    failureStatus === undefined ? '' : ' (1 when the command line is wrong)'
  }.\n.SH SEE ALSO\n.BR tsrun (8)\n`;

const overview = (commands: readonly Command[]): string =>
  `${heading('tsrun', 'an OCI container runtime')}.SH SYNOPSIS\n\\fBtsrun\\fR [\\fIglobal options\\fR] ` +
  '\\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]\n' +
  `.SH DESCRIPTION\n${prose(
    'Makes and runs containers from bundles: a directory with a config.json of the OCI runtime ' +
      'specification and a root file system. Its command line is that of `runc`; podman, docker and ' +
      'containerd use it in its place.',
  )}\n.SH COMMANDS\n${commands
    .map(({ name, summary }) => `.TP\n\\fB${roff(name)}\\fR\n${prose(summary)}\n`)
    .join('')}.SH GLOBAL OPTIONS\n${flagsOf(GLOBAL_FLAGS)}` +
  `.SH SEE ALSO\n${commands.map(({ name }) => `.BR tsrun\\-${name} (8)`).join(',\n')}\n`;
