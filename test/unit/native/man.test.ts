import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { manPages } from '../../../native/packaging/man.ts';
import { commandOf, VERBS } from '../../../src/cli/commands.ts';
import { GLOBAL_FLAGS } from '../../../src/cli/flags.ts';

const pages = manPages();
const roff = (text: string) => text.replaceAll('-', '\\-');

describe('manPages', () => {
  it('tsrun.8 names every command and global option', () => {
    const page = pages.get('tsrun.8') ?? '';
    for (const verb of VERBS) expect(page).toContain(`\\fB${verb}\\fR`);
    for (const { name } of GLOBAL_FLAGS) expect(page).toContain(`\\-\\-${roff(name)}`);
  });
  it.each(VERBS)('tsrun-%s.8 has its summary and every option', (verb) => {
    const page = pages.get(`tsrun-${verb}.8`) ?? '';
    const { summary, flags } = commandOf(verb);
    expect(page).toContain(roff(summary));
    for (const { name } of flags) expect(page).toContain(`\\fB\\-\\-${roff(name)}\\fR`);
  });
  it('has a line begin with a dot only for a macro', () => {
    const lines = [...pages.values()].flatMap((page) => page.split('\n'));
    const macros = lines.filter((line) => line.startsWith('.'));
    expect(macros.filter((line) => !/^\.(TH|SH|TP|BR)( |$)/.test(line))).toEqual([]);
  });
  it('is what groff can format', () => {
    const { error, stderr } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-z'], {
      input: [...pages.values()].join(''),
      encoding: 'utf8',
    });
    expect(error).toBeUndefined();
    expect(stderr).toBe('');
  });
});
