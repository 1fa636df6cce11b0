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
  it('zsh reads the script, and finds the function', () => {
    const script = `autoload -U compinit; compinit -u -d "$HOME/.none"; source =("$0" completion zsh) 2>/dev/null; whence -w _tsrun`;
    expect(run('zsh', '-fc', script, TSRUN)).toBe('_tsrun: function\n');
    expect(spawnSync('zsh', ['-n'], { input: run(TSRUN, 'completion', 'zsh') }).status).toBe(0);
  });
});
