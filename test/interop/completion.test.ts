/** The completion scripts in the shells themselves. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { runtimePath } from './features.ts';

const TSRUN = runtimePath('tsrun');

function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/**
 * Words and TAB typed into an interactive zsh that has loaded the script as $1 says; the line editor's buffer
 * goes to a file, by a key of ours.
 */
const TYPING = `
zmodload zsh/zpty
made=$(mktemp -d)
$0 completion zsh >$made/_tsrun
zpty shell "zsh -f -i"
zpty -w shell "PS1=; fpath+=($made); autoload -U compinit; tsrun() { :; }; made=$made; $1"
zpty -w shell "show() { print -r -- \\$BUFFER >>$made/shown; BUFFER=; }; zle -N show; bindkey '^T' show; print RE''ADY"
zpty -r shell seen '*READY*'
for typed in 'tsrun pau' 'tsrun delete --fo'; do
  zpty -w -n shell "$typed"$'\\t\\024'
done
for ((tries = 0; tries < 600; tries++)); do
  [[ -e $made/shown && $(wc -l <$made/shown) = 2 ]] && break
  sleep 0.05
done
cat $made/shown
rm -r $made
zpty -d shell`;

describe('completion', () => {
  it('bash completes verbs and flags', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's, not JavaScript's
    const complete = 'COMP_WORDS=(tsrun delete --f); COMP_CWORD=2; _tsrun; echo "${COMPREPLY[@]}"';
    const script = `source <("$0" completion bash); ${complete}`;
    expect(run('bash', '-c', script, TSRUN)).toBe('--force\n');
  });
  it('fish completes verbs and flags', () => {
    const script = `function tsrun; end; ${TSRUN} completion fish | source; complete -C "tsrun pau"; complete -C "tsrun delete --f"`;
    const words = run('fish', '--no-config', '-c', script).split(/\s+/);
    expect(words).toContain('pause');
    expect(words).toContain('--force');
  });
  it.each([
    ['found in fpath', 'compinit -u -D'],
    ['sourced', 'fpath[-1]=(); compinit -u -D; source $made/_tsrun'],
  ])('zsh completes verbs and flags as they are typed, the script %s', (_, load) => {
    expect(run('zsh', '-fc', TYPING, TSRUN, load)).toBe('tsrun pause \ntsrun delete --force \n');
  });
});
