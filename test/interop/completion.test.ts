/** Completion as it is typed: keys into interactive shells, each on a terminal of its own. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runtimePath } from './count.ts';

import { makeRootfsArchive } from './image.ts';
import { TOP, useSandbox } from './sandbox.ts';

const TSRUN = runtimePath('tsrun');
const at = (name: string) => join(sandbox.directory, name);

/** Containers to complete: two where they are by default, and one elsewhere. */
const sandbox = useSandbox(() => {
  mkdirSync(at('bin'));
  symlinkSync(TSRUN, at('bin/tsrun'));
  makeRootfsArchive(sandbox.directory);
  const text = readFileSync(join(TOP, 'bundles/hello/config.json'), 'utf8');
  sandbox.file('bundle/config.json', text.replace('../rootfs', at('rootfs')));
  for (const id of ['alpha', 'beta']) sandbox.ok([TSRUN, 'create', '--bundle', at('bundle'), id]);
  sandbox.ok([TSRUN, '--root', at('other'), 'create', '--bundle', at('bundle'), 'gamma']);
  sandbox.file('kept.pid', '');
});

interface Shell {
  readonly title: string;
  readonly command: readonly string[];
  /** Where it reads what it starts with: prompt, the key ^T that tells its line, completion. */
  readonly start: readonly [file: string, text: () => string];
  /** TABs until it lists what there is. */
  readonly listing: string;
  readonly env?: () => Readonly<Record<string, string>>;
}

const script = (shell: string) => sandbox.ok([TSRUN, 'completion', shell]);

const bash = (load: () => string): Omit<Shell, 'title'> => ({
  listing: '\t\t',
  command: ['bash', '--noprofile', '--rcfile', 'rc.bash', '-i'],
  start: [
    'rc.bash',
    () => `PS1='READY> '
tell() { printf %s "$READLINE_LINE" >line.new; mv line.new line; READLINE_LINE=; }
bind -x '"\\C-t": tell'
${load()}`,
  ],
});

const zsh = (load: () => string): Omit<Shell, 'title'> => ({
  listing: '\t',
  command: ['zsh', '-d', '-i'],
  env: () => ({ ZDOTDIR: sandbox.directory }),
  start: [
    '.zshrc',
    () => `PS1='READY> '
tell() { print -rn -- $BUFFER >line.new; mv line.new line; BUFFER=; }
zle -N tell
bindkey '^T' tell
autoload -U compinit
${load()}`,
  ],
});

const fish = (load: () => string): Omit<Shell, 'title'> => ({
  listing: '\t',
  command: ['fish', '--no-config', '--init-command', 'source rc.fish', '-i'],
  start: [
    'rc.fish',
    () => `function fish_prompt; echo 'READY> '; end
function tell; printf %s (commandline) >line.new; mv line.new line; commandline ''; end
bind \\ct tell
${load()}`,
  ],
});

const SHELLS: readonly Shell[] = [
  { title: 'bash, the script sourced', ...bash(() => script('bash')) },
  {
    title: 'bash, the script where bash-completion looks for it',
    ...bash(() => {
      sandbox.file('user/completions/tsrun', script('bash'));
      return `BASH_COMPLETION_USER_DIR=${at('user')}; source /usr/share/bash-completion/bash_completion`;
    }),
  },
  {
    title: 'zsh, the script sourced',
    ...zsh(() => `compinit -u -D; source ${sandbox.file('sourced.zsh', script('zsh'))}`),
  },
  {
    title: 'zsh, the script found in fpath',
    ...zsh(() => {
      sandbox.file('fpath/_tsrun', script('zsh'));
      return `fpath+=(${at('fpath')}); compinit -u -D`;
    }),
  },
  { title: 'fish, the script sourced', ...fish(() => script('fish')) },
  {
    title: 'fish, the script found in fish_complete_path',
    ...fish(() => {
      sandbox.file('fish/tsrun.fish', script('fish'));
      return `set -p fish_complete_path ${at('fish')}`;
    }),
  },
];

const TELL = '\x14';

/** What is typed, TAB behind it, and the line then. */
const LINES = (): readonly (readonly [string, string])[] => [
  ['tsrun ru', 'tsrun run '],
  ['tsrun delete --fo', 'tsrun delete --force '],
  ['tsrun kill al', 'tsrun kill alpha '],
  ['tsrun kill --all be', 'tsrun kill --all beta '],
  ['tsrun kill alpha QU', 'tsrun kill alpha QUIT '],
  ['tsrun kill alpha SIGQ', 'tsrun kill alpha SIGQUIT '],
  [`tsrun --root ${at('other')} delete g`, `tsrun --root ${at('other')} delete gamma `],
  ['tsrun --log-format j', 'tsrun --log-format json '],
  ['tsrun list --format=j', 'tsrun list --format=json '],
  [`tsrun run --bundle ${at('bund')}`, `tsrun run --bundle ${at('bundle')}/`],
  [`tsrun run --pid-file ${at('ke')}`, `tsrun run --pid-file ${at('kept.pid')} `],
  // Not what stands elsewhere: a second container, a file for a container.
  ['tsrun state alpha be', 'tsrun state alpha be'],
  ['tsrun pause bund', 'tsrun pause bund'],
];

/** What is typed, TAB behind it as often as the shell wants, and words that are shown then. */
const SHOWN: readonly (readonly [string, readonly string[]])[] = [
  ['tsrun run --', ['--bundle', '--console-socket', '--no-pivot', '--pid-file', '--preserve-fds']],
  ['tsrun kill ', ['alpha', 'beta']],
  ['tsrun kill alpha ', ['HUP', 'KILL', 'TERM', 'USR1']],
  ['tsrun mounts ', ['add', 'list', 'remove']],
];

describe('completion typed in', () => {
  it.each(SHELLS)('$title: verbs, flags, containers, signals, files', (shell) => {
    const [file, text] = shell.start;
    writeFileSync(at(file), text());
    const steps = [
      { keys: '', shown: ['READY'] },
      ...LINES().map(([typed]) => ({ keys: `${typed}\t${TELL}`, line: true })),
      ...SHOWN.flatMap(([typed, shown]) => [
        { keys: `${typed}${shell.listing}`, shown },
        { keys: TELL, line: true },
      ]),
    ];
    const typing = join(import.meta.dirname, 'typing.py');
    const output = sandbox.ok(['/usr/bin/python3', typing, sandbox.directory, ...shell.command], {
      input: steps.map((step) => `${JSON.stringify(step)}\n`).join(''),
      env: {
        HOME: sandbox.directory,
        PATH: `${at('bin')}:${process.env['PATH']}`,
        ...shell.env?.(),
      },
      timeoutMs: 100_000,
    });
    const came = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string);
    const lines = LINES().map(([typed], index) => [typed, came[index + 1]]);
    expect(lines).toEqual(LINES());
  });
});
