/** src/explain/TOUR.md shows what tsrun prints. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isTsrun, RUNTIME, TOP, useContainers } from '../runtime.ts';

const t = useContainers();

interface Shown {
  readonly command: string;
  readonly lines: readonly string[];
}

/** Indented lines: `$ command`, then what it prints up to the next command or paragraph. */
function commandsOf(text: string): readonly Shown[] {
  const found: { command: string; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    const shown = /^ {4}(.*)$/.exec(line)?.[1];
    if (shown === undefined) continue;
    if (shown.startsWith('$ ')) found.push({ command: shown.slice(2), lines: [] });
    else found.at(-1)?.lines.push(shown);
  }
  return found;
}

/** `…` alone is any number of lines, `…` in a line anything. */
function patternOf(lines: readonly string[]): RegExp {
  const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const parts = lines.map((line) =>
    line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escaped).join('.*?')}\\n`,
  );
  return new RegExp(`^${parts.join('')}$`);
}

describe.runIf(isTsrun)('src/explain/TOUR.md', () => {
  const shown = commandsOf(readFileSync(join(TOP, 'src/explain/TOUR.md'), 'utf8'));

  afterAll(() => {
    t.call(['delete', '--force', 'tour']);
  });

  it('walks through every kind of isolation', () => {
    expect(shown.length).toBeGreaterThan(20);
    expect(spawnSync('sh', [join(TOP, 'bundles/make-rootfs.sh')]).status).toBe(0);
  });

  it.each(shown)('$command', ({ command, lines }) => {
    const [program = '', ...args] = command.replaceAll('/tmp/', `${t.directory}/`).split(' ');
    expect(['tsrun', 'cat']).toContain(program);
    const [path, globals] = program === 'cat' ? ['cat', []] : [RUNTIME, ['--root', t.stateRoot]];
    const { status, stdout, stderr } = spawnSync(path, [...globals, ...args], {
      cwd: TOP,
      encoding: 'utf8',
      // A created container keeps what it is given.
      stdio: [
        'ignore',
        args[0] === 'create' ? 'ignore' : 'pipe',
        args[0] === 'create' ? 'ignore' : 'pipe',
      ],
    });
    expect(stderr ?? '').toBe('');
    expect(status).toBe(0);
    expect(stdout ?? '').toMatch(patternOf(lines));
  });

  it('a line that is not printed would be found', () => {
    expect('a\nb\n').toMatch(patternOf(['a', 'b']));
    expect('a\nx\nb 5\n').toMatch(patternOf(['a', '…', 'b …']));
    expect('a\nb\n').not.toMatch(patternOf(['a', 'c']));
    expect('a\nb\n').not.toMatch(patternOf(['a']));
  });
});
