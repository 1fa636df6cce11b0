/**
 * The completion of command lines in a shell, by yargs from the command table. Loaded by main.ts when it is
 * asked for, as help is.
 */
import type { Argv } from 'yargs';
import { commandOf, VERBS } from './commands.ts';
import { completionScript } from './completionScript.ts';
import { GLOBAL_FLAGS } from './flags.ts';
import { bare, withFlags } from './help.ts';

/**
 * `completion`: the script, for the shell of $SHELL; `completion SHELL`: one for that shell. `--get-yargs-completions WORD…`, which that script
 * calls: what the last word may become, a line each. Ends with a newline unless it is empty.
 */
export async function formatCompletion(args: readonly string[]): Promise<string> {
  const [name, shell] = args;
  if (name === 'completion' && shell !== undefined) return completionScript(shell);
  let answer = '';
  // Once with nothing, when the words have been read, then with the answer.
  await program().parse([...args], {}, (_error, _argv, output) => {
    if (output !== '') answer = `${output}\n`;
  });
  return answer;
}

function program(): Argv {
  let all = withFlags(
    bare().completion('completion', 'print a script that makes the shell complete tsrun'),
    GLOBAL_FLAGS,
  );
  for (const verb of VERBS) {
    const { summary, usage, flags } = commandOf(verb);
    all = all.command(`${verb} ${usage}`.trim(), summary, (command) => withFlags(command, flags));
  }
  return all;
}
