/** `tsrun completion SHELL`: scripts for shells, made from the command table, that need no program to complete. */
import { usage } from '../errors.ts';
import { SIGNALS } from '../linux/constants/signals.ts';
import { type Command, commandOf, VERBS } from './commands.ts';
import { type Flag, GLOBAL_FLAGS, HELP_FLAG } from './flags.ts';

/** The script for a shell; throws `usage` for one that there is none for. */
export function completionScript(shell: string): string {
  const script = SCRIPTS.get(shell);
  if (script === undefined) throw usage('completion: bash, zsh or fish');
  return script();
}

/** What can stand in a place of the command line: one of these words, or what the name says. */
type Offer = readonly string[] | 'ids' | 'signals' | 'files' | 'directories' | 'nothing';

interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Of its arguments, in their order. */
  readonly offers: readonly Offer[];
}

/** Not of the table, for it is loaded on demand and answers before verbs are looked for. */
const COMPLETION: Command = {
  name: 'completion',
  summary: 'print a script that makes the shell complete tsrun',
  usage: '[bash|zsh|fish]',
  arguments: { min: 0, max: 1 },
  flags: [],
};

const verbs = (): readonly Verb[] =>
  [...VERBS.map(commandOf), COMPLETION].map(({ name, summary, flags, usage: shown }) => ({
    name,
    summary,
    flags: [...flags, HELP_FLAG],
    offers: [...shown.matchAll(/[<[]([^>\]]+)[>\]]/g)].map(([, argument = '']) =>
      offerOf(name, argument),
    ),
  }));

/** What the usage calls an argument says what it is. */
function offerOf(verb: string, argument: string): Offer {
  if (argument.includes('|')) return argument.split('|');
  switch (argument) {
    case 'container-id':
      return /^(create|run|restore)$/.test(verb) ? 'nothing' : 'ids'; // a new one has a new name
    case 'signal':
      return 'signals';
    case 'bundle':
      return 'directories';
    case 'file':
      return 'files';
    default:
      return 'nothing';
  }
}

/** The help of a flag names the words that it takes in quotes, or begins with what its value is. */
function offerOfFlag({ help }: Flag): Offer {
  const named = [...help.matchAll(/'([a-z]+)'/g)].map(([, word = '']) => word);
  if (named.length > 1) return named;
  if (/^directory |^path to the root of the bundle directory/.test(help)) return 'directories';
  return /^(file|path) /.test(help) ? 'files' : 'nothing';
}

/** As the command line has it, with a value behind it. */
const takesValue = ({ type }: Flag): boolean => type !== 'bool' && type !== 'optional';

const spellings = ({ name, alias }: Flag): readonly string[] =>
  alias === undefined ? [`--${name}`] : [`--${name}`, `-${alias}`];

const names = (flags: readonly Flag[]): string => flags.map(({ name }) => `--${name}`).join(' ');

/**
 * Flags with a value by what the value is: `' --root'`, `'run --bundle'`, the verb and the flag as patterns of
 * a shell's `case`, joined by what that shell has between patterns.
 */
function valuedFlags<Key>(between: string, keyOf: (offer: Offer) => Key): ReadonlyMap<Key, string> {
  const found = new Map<Key, string>();
  for (const { name, flags } of [{ name: '', flags: GLOBAL_FLAGS }, ...verbs()]) {
    for (const flag of flags.filter(takesValue)) {
      const key = keyOf(offerOfFlag(flag));
      const patterns = spellings(flag).map((one) => `'${name} ${one}'`);
      found.set(key, [found.get(key) ?? [], patterns].flat().join(between));
    }
  }
  return found;
}

/** Without SIG, as kill(1) lists them. */
const signals = (): readonly string[] =>
  Object.keys(SIGNALS).map((name) => name.slice('SIG'.length));

/** What bash does for an offer: a list of words, or files of a kind. */
function bashOffer(offer: Offer): string {
  switch (offer) {
    case 'ids':
      return `words=$(tsrun \${root:+--root "\${root/#\\~/$HOME}"} list -q 2>/dev/null)`;
    case 'signals':
      return `words='${signals().join(' ')}'; case $cur in S|SI|SIG*) words="$words \${words// / SIG}" ;; esac`;
    case 'files':
      return 'kind=-f';
    case 'directories':
      return 'kind=-d';
    case 'nothing':
      return 'return';
    default:
      return `words='${offer.join(' ')}'`;
  }
}

const bash = (): string => `# bash completion of tsrun, printed by \`tsrun completion bash\`.
_tsrun() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} verb= root= place=0 index=0 kind= words= word
  COMPREPLY=()
  # --flag=value is three words.
  case $cur in =) cur= ;; *) [ "$prev" != = ] || prev=\${COMP_WORDS[COMP_CWORD-2]} ;; esac
  while [ $((index+=1)) -lt $COMP_CWORD ]; do
    word=\${COMP_WORDS[index]}
    case "$verb $word" in
      ${[...valuedFlags('|', () => '').values()].join('|')})
        index=$((index+1))
        [ "\${COMP_WORDS[index]}" != = ] || index=$((index+1))
        [ "$verb $word" != ' --root' ] || root=\${COMP_WORDS[index]} ;;
      *' =') index=$((index+1)) ;;
      *' -'*) ;;
      ' '*) verb=$word ;;
      *) place=$((place+1)) ;;
    esac
  done
  case "$verb $prev" in
${[...valuedFlags('|', bashOffer)].map(([does, flags]) => `    ${flags}) ${does} ;;`).join('\n')}
    *) case "$verb $place $cur" in
      ' 0 '*) words='${names(GLOBAL_FLAGS)} ${verbs()
        .map(({ name }) => name)
        .join(' ')}' ;;
${verbs().map(bashVerb).join('\n')}
    esac ;;
  esac
  if [ -n "$kind" ]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen $kind -- "$cur")
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -F _tsrun tsrun
`;

/** Flags where a dash has been typed, or nothing else can stand. */
const bashVerb = ({ name, flags, offers }: Verb): string =>
  [
    `      '${name} '*' -'*) words='${names(flags)}' ;;`,
    ...offers.flatMap((offer, place) =>
      offer === 'nothing' ? [] : [`      '${name} ${place} '*) ${bashOffer(offer)} ;;`],
    ),
    `      '${name} 0 '*) words='${names(flags)}' ;;`,
  ].join('\n');

/** In single quotes of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** zsh's _arguments ends a description at `]` and a message at `:`. */
const zshText = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&');

const ZSH_OFFERS: Readonly<Record<string, string>> = {
  ids: '_tsrun_ids',
  signals: '_tsrun_signals',
  files: '_files',
  directories: '_files -/',
  nothing: ' ',
};

const zshOffer = (offer: Offer): string =>
  typeof offer === 'string' ? (ZSH_OFFERS[offer] ?? ' ') : `(${offer.join(' ')})`;

const zshFlag = (flag: Flag): readonly string[] => {
  const value = takesValue(flag) ? `:${zshText(flag.name)}:${zshOffer(offerOfFlag(flag))}` : '';
  const repeat = flag.type === 'list' ? '*' : '';
  // A value is the next word, or stands behind `=`.
  const equals = takesValue(flag) ? '=' : '';
  return spellings(flag).map((one) =>
    quoted(`${repeat}${one}${one.startsWith('--') ? equals : ''}[${zshText(flag.help)}]${value}`),
  );
};

const zsh = (): string => `#compdef tsrun
# zsh completion of tsrun, printed by \`tsrun completion zsh\`.
_tsrun_ids() { compadd -- \${(f)"$(tsrun \${root:+--root} \${root:+\${root/#\\~/$HOME}} list -q 2>/dev/null)"} }
_tsrun_signals() {
  local -a signals=(${signals().join(' ')})
  [[ $PREFIX = S(I(G*|)|) ]] && signals+=(SIG$^signals)
  compadd -a signals
}
_tsrun() {
  local state line root
  local -A opt_args
  _arguments -C \\
    ${GLOBAL_FLAGS.flatMap(zshFlag).join(' \\\n    ')} \\
    '1:command:->verb' '*::argument:->rest' && return
  root=\${opt_args[--root]}
  case $state in
    verb) local -a verbs; verbs=(${verbs()
      .map(({ name, summary }) => quoted(`${name}:${zshText(summary)}`))
      .join(' ')})
      _describe command verbs ;;
    rest) case $line[1] in
${verbs()
  .map(({ name, flags, offers }) => {
    const places = offers.map((offer, at) => quoted(`${at + 1}:argument:${zshOffer(offer)}`));
    return `      ${name}) _arguments ${[...flags.flatMap(zshFlag), ...places].join(' ')} ;;`;
  })
  .join('\n')}
    esac ;;
  esac
}
# Loaded as the function of that name it completes at once; sourced it says what it completes.
if [[ $funcstack[1] = _tsrun ]]; then _tsrun "$@"; else compdef _tsrun tsrun; fi
`;

/** Options of fish's \`complete\`. */
function fishOffer(offer: Offer): string {
  switch (offer) {
    case 'ids':
      return "-a '(__tsrun_ids)'";
    case 'signals':
      return "-a '(__tsrun_signals)'";
    case 'files':
      return '-F';
    case 'directories':
      return "-a '(__fish_complete_directories)'";
    case 'nothing':
      return '';
    default:
      return `-a ${quoted(offer.join(' '))}`;
  }
}

const fishFlag = (condition: string, flag: Flag): string => {
  const alias = flag.alias === undefined ? '' : ` -s ${flag.alias}`;
  const value = takesValue(flag) ? ` -r ${fishOffer(offerOfFlag(flag))}` : '';
  return `complete -c tsrun -n ${quoted(condition)} -l ${flag.name}${alias}${value} -d ${quoted(flag.help)}`;
};

/** fish's own functions know no flags with values in front of a verb. */
const fishFunctions =
  (): string => `# The verb and its arguments in front of the cursor, without flags and their values.
function __tsrun_words
  set -l skip 0
  set -l verb ''
  for token in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    switch "$verb $token"
      case ${[...valuedFlags(' ', () => '').values()].join(' ')}
        set skip 1
      case '* -*'
      case '*'
        test -n "$verb"; or set verb $token
        echo $token
    end
  end
end
# __tsrun_at VERB PLACE: what is typed is this argument of the verb, counted from 1.
function __tsrun_at
  set -l words (__tsrun_words)
  test (count $words) = $argv[2]; and test "$words[1]" = "$argv[1]"
end
function __tsrun_verb
  set -l words (__tsrun_words)
  test "$words[1]" = "$argv[1]"
end
function __tsrun_ids
  set -l root (commandline -opc | string join ' ' | string replace -rf '.* --root[= ](\\S+).*' '$1' | string replace -r '^~' $HOME)
  tsrun (test -n "$root"; and printf '%s\\n' --root $root) list -q 2>/dev/null
end
function __tsrun_signals
  set -l signals ${signals().join(' ')}
  string match -q 'S*' -- (commandline -ct); and set signals $signals SIG$signals
  printf '%s\\n' $signals
end`;

const fish = (): string =>
  [
    '# fish completion of tsrun, printed by `tsrun completion fish`.',
    fishFunctions(),
    'complete -c tsrun -f',
    ...GLOBAL_FLAGS.map((flag) => fishFlag("__tsrun_verb ''", flag)),
    ...verbs().flatMap(({ name, summary, flags, offers }) => [
      `complete -c tsrun -n "__tsrun_verb ''" -a ${name} -d ${quoted(summary)}`,
      ...flags.map((flag) => fishFlag(`__tsrun_verb ${name}`, flag)),
      ...offers.map(
        (offer, at) => `complete -c tsrun -n '__tsrun_at ${name} ${at + 1}' ${fishOffer(offer)}`,
      ),
    ]),
    '',
  ].join('\n');

const SCRIPTS: ReadonlyMap<string, () => string> = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
]);
