/** `tsrun completion SHELL`: scripts for shells, made from the command table, that need no program to complete. */
import { usage } from '../errors.ts';
import { type Command, commandOf, VERBS } from './commands.ts';
import { type Flag, GLOBAL_FLAGS, HELP_FLAG } from './flags.ts';

/** The script for a shell; throws `usage` for one that there is none for. */
export function completionScript(shell: string): string {
  const script = SCRIPTS.get(shell);
  if (script === undefined) throw usage('completion: bash, zsh or fish');
  return script();
}

interface Words {
  readonly verb: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Its first argument is a container's name. */
  readonly takesId: boolean;
}

/** Not of the table, for it is loaded on demand and answers before verbs are looked for. */
const COMPLETION: Command = {
  name: 'completion',
  summary: 'print a script that makes the shell complete tsrun',
  usage: '[bash|zsh|fish]',
  arguments: { min: 0, max: 1 },
  flags: [],
};

const words = (): readonly Words[] =>
  [...VERBS.map(commandOf), COMPLETION].map(({ name, summary, flags, usage: shown }) => ({
    verb: name,
    summary,
    flags: [...flags, HELP_FLAG],
    takesId: shown.startsWith('<container-id>') && !/^(create|run|restore)$/.test(name),
  }));

const names = (flags: readonly Flag[]): string => flags.map(({ name }) => `--${name}`).join(' ');

/** Flags that take a value, as a pattern of shell's `case`. */
const valued = (flags: readonly Flag[]): string =>
  flags.flatMap(({ name, type }) => (type === 'bool' ? [] : [`--${name}`])).join('|');

const bash = (): string => `# bash completion of tsrun, printed by \`tsrun completion bash\`.
_tsrun() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} verb= root= index=1 words=
  COMPREPLY=()
  while [ $index -lt $COMP_CWORD ]; do
    case \${COMP_WORDS[index]} in
      --root) root=\${COMP_WORDS[index+1]}; index=$((index+1)) ;;
      ${valued(GLOBAL_FLAGS)}) index=$((index+1)) ;;
      -*) ;;
      *) verb=\${COMP_WORDS[index]}; break ;;
    esac
    index=$((index+1))
  done
  case $verb in
    '') case $prev in ${valued(GLOBAL_FLAGS)}) COMPREPLY=($(compgen -f -- "$cur")); return ;; esac
      words="${names(GLOBAL_FLAGS)} ${words()
        .map(({ verb }) => verb)
        .join(' ')}" ;;
${words()
  .map(
    ({ verb, flags, takesId }) => `    ${verb})
      case $prev in ${valued(flags) || '--'}) COMPREPLY=($(compgen -f -- "$cur")); return ;; esac
      words="${names(flags)}${verb === 'completion' ? ' bash zsh fish' : ''}"${
        takesId
          ? `
      [ \${cur:0:1} = - ] 2>/dev/null || words="$words $(tsrun \${root:+--root "$root"} list -q 2>/dev/null)"`
          : ''
      } ;;`,
  )
  .join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _tsrun tsrun
`;

/** In single quotes of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** zsh's _arguments ends a description at `]` and a message at `:`. */
const zshText = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&');

const zshFlag = ({ name, alias, type, help }: Flag): readonly string[] => {
  const value = type === 'bool' ? '' : `:${zshText(name)}:_files`;
  const repeat = type === 'list' ? '*' : '';
  return [`--${name}`, ...(alias === undefined ? [] : [`-${alias}`])].map((flag) =>
    quoted(`${repeat}${flag}[${zshText(help)}]${value}`),
  );
};

const zsh = (): string => `#compdef tsrun
# zsh completion of tsrun, printed by \`tsrun completion zsh\`.
_tsrun_ids() { compadd -- \${(f)"$(tsrun list -q 2>/dev/null)"} }
_tsrun() {
  local state line
  _arguments -C \\
    ${GLOBAL_FLAGS.flatMap(zshFlag).join(' \\\n    ')} \\
    '1:command:->verb' '*::argument:->rest' && return
  case $state in
    verb) local -a verbs; verbs=(${words()
      .map(({ verb, summary }) => quoted(`${verb}:${zshText(summary)}`))
      .join(' ')})
      _describe command verbs ;;
    rest) case $line[1] in
${words()
  .map(
    ({ verb, flags, takesId }) =>
      `      ${verb}) _arguments ${flags.flatMap(zshFlag).join(' ')}${
        takesId
          ? " '1:container:_tsrun_ids'"
          : verb === 'completion'
            ? " '1:shell:(bash zsh fish)'"
            : ''
      } ;;`,
  )
  .join('\n')}
    esac ;;
  esac
}
# Loaded as the function of that name it completes at once; sourced it says what it completes.
if [[ $funcstack[1] = _tsrun ]]; then _tsrun "$@"; else compdef _tsrun tsrun; fi
`;

const fishFlag = (condition: string, { name, alias, type, help }: Flag): string =>
  `complete -c tsrun -n ${quoted(condition)} -l ${name}${alias === undefined ? '' : ` -s ${alias}`}${
    type === 'bool' ? '' : ' -r'
  } -d ${quoted(help)}`;

const fish = (): string =>
  [
    '# fish completion of tsrun, printed by `tsrun completion fish`.',
    'complete -c tsrun -f',
    ...GLOBAL_FLAGS.map((flag) => fishFlag('__fish_use_subcommand', flag)),
    ...words().flatMap(({ verb, summary, flags, takesId }) => {
      const seen = `__fish_seen_subcommand_from ${verb}`;
      return [
        `complete -c tsrun -n __fish_use_subcommand -a ${verb} -d ${quoted(summary)}`,
        ...flags.map((flag) => fishFlag(seen, flag)),
        ...(takesId
          ? [`complete -c tsrun -n ${quoted(seen)} -a '(tsrun list -q 2>/dev/null)'`]
          : []),
        ...(verb === 'completion'
          ? [`complete -c tsrun -n ${quoted(seen)} -a 'bash zsh fish'`]
          : []),
      ];
    }),
    '',
  ].join('\n');

const SCRIPTS: ReadonlyMap<string, () => string> = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
]);
