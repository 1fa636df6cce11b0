/** The completion scripts, as the shells that are installed run them. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { VERBS } from '../../../src/cli/commands.ts';
import { formatCompletion } from '../../../src/cli/completion.ts';

const scriptFor = (shell: string) => formatCompletion(['completion', shell]);

/** What bash offers for a line of words, the last being typed. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`;
  const program = `${await scriptFor('bash')}\ntsrun() { echo one; echo two; }\n${line}; _tsrun; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', program], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completion bash', () => {
  it('offers every verb and the global flags', async () => {
    expect(await offered('tsrun', '')).toEqual(
      expect.arrayContaining([...VERBS, '--root', '--log']),
    );
  });
  it('offers what begins with what is typed', async () => {
    expect(await offered('tsrun', 'pa')).toEqual(['pause']);
    expect(await offered('tsrun', '--root', '/x', 'delete', '--f')).toEqual(['--force']);
  });
  it('offers the names of containers', async () => {
    expect(await offered('tsrun', 'kill', '')).toEqual(expect.arrayContaining(['one', 'two']));
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('%s names every verb', async (shell) => {
    const script = await scriptFor(shell);
    for (const verb of VERBS) expect(script).toContain(verb);
  });
  it('refuses another shell', async () => {
    await expect(scriptFor('tcsh')).rejects.toThrow('bash, zsh or fish');
  });
});
