import { describe, expect, it } from 'vitest';
import { commandOf, VERBS } from '../../../src/cli/commands.ts';
import { formatHelp } from '../../../src/cli/help.ts';

describe('help', () => {
  it('lists every command', async () => {
    const help = await formatHelp(undefined);
    for (const verb of VERBS) {
      expect(help).toContain(`\n  tsrun ${verb} `);
      expect(help).toContain(commandOf(verb).summary.slice(0, 20));
    }
  });

  it.each(VERBS)('of %s shows its arguments and every flag', async (verb) => {
    const { usage, flags, summary } = commandOf(verb);
    const help = await formatHelp(verb);
    expect(help).toContain(usage);
    expect(help).toContain(summary);
    for (const flag of flags) expect(help).toContain(`--${flag.name}`);
  });
});
