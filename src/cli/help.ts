/**
 * Help, made by yargs from the command table. Loaded by main.ts only when help is printed: yargs takes
 * longer to set up than a container to be made.
 */
import yargs, { type Argv } from 'yargs';
import { commandOf, VERBS, type Verb } from './commands.ts';
import { type Flag, GLOBAL_FLAGS } from './flags.ts';
import { VERSION } from './version.ts';

const WIDTH = 100;

/** The help of a verb, or of tsrun as a whole; ends with a newline. */
export async function formatHelp(verb: Verb | undefined): Promise<string> {
  const text = await (verb === undefined ? programHelp() : commandHelp(verb)).getHelp();
  return `${text}\n`;
}

/** yargs with nothing of its own: no locale, no version, no exit. */
export const bare = (): Argv =>
  yargs([])
    .scriptName('tsrun')
    .detectLocale(false)
    .version(false)
    .help(false)
    .exitProcess(false)
    .wrap(WIDTH)
    .updateStrings({ 'Options:': 'OPTIONS:', 'Commands:': 'COMMANDS:' });

function programHelp(): Argv {
  const usage = [
    `tsrun - Open Container Initiative runtime, version ${VERSION}`,
    '',
    'Usage: $0 [global options] command [command options] [arguments...]',
  ];
  let program = withFlags(bare().usage(usage.join('\n')), GLOBAL_FLAGS);
  for (const verb of VERBS) {
    const { summary, usage: args } = commandOf(verb);
    program = program.command(args === '' ? verb : `${verb} ${args}`, summary);
  }
  program = program.command('completion', 'print a script that makes the shell complete tsrun');
  return program.epilogue('"tsrun COMMAND --help" describes a command.');
}

function commandHelp(verb: Verb): Argv {
  const { summary, description, usage, flags } = commandOf(verb);
  const line = ['Usage: tsrun', verb, flags.length > 0 ? '[command options]' : '', usage];
  const head = `tsrun ${verb} - ${summary}\n\n${line.filter((word) => word !== '').join(' ')}`;
  const text = description === undefined ? head : `${head}\n\n${description}`;
  return withFlags(bare().usage(text), flags);
}

const YARGS_TYPES = {
  bool: 'boolean',
  optional: 'string',
  int: 'number',
  text: 'string',
  list: 'string',
} as const;

export const withFlags = (program: Argv, flags: readonly Flag[]): Argv =>
  flags.reduce(
    (described, flag) =>
      described.option(flag.name, {
        ...(flag.alias === undefined ? {} : { alias: flag.alias }),
        ...(flag.default === undefined ? {} : { default: flag.default }),
        type: YARGS_TYPES[flag.type],
        describe: flag.help,
        global: false, // a flag before the verb is none of the verb's
      }),
    program,
  );
