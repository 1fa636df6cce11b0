/** What the tests of engines share: programs that must succeed, and profiles of AppArmor. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll } from 'vitest';
import type { Containers } from '../integration/runtime.ts';

/** Runs a command that must succeed; gives its standard output, trimmed. */
export function ok(...command: readonly string[]): string {
  const [program = '', ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${status}: ${stdout}${stderr}`);
  return stdout.trim();
}

/** They allow all that the tests do. A rule more, and AppArmor's parser takes seconds longer in the machine. */
export const PROFILES = ['tsrun-engine-one', 'tsrun-engine-two'] as const;
const RULES = 'file, capability, signal, network, unix, ptrace,';
const PARSER = process.env['APPARMOR_PARSER'] ?? '/sbin/apparmor_parser';
const LOADED = '/sys/kernel/security/apparmor/profiles';

/** Loads those that are not loaded; they go with the machine. */
export function useProfiles(t: Containers, names: readonly string[]): void {
  beforeAll(() => {
    const missing = names.filter((name) => !readFileSync(LOADED, 'utf8').includes(`${name} (`));
    if (missing.length === 0) return;
    const file = join(t.directory, 'profiles');
    const text = missing.map((name) => `profile ${name} flags=(attach_disconnected) { ${RULES} }`);
    writeFileSync(file, `${text.join('\n')}\n`);
    ok(PARSER, '--skip-cache', '--replace', file);
  });
}
