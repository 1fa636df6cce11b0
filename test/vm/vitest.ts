/**
 * Stands for the module `vitest` in the bundle of tests that runs inside the virtual machine: vitest's own
 * runner and assertions without vite, whose start alone takes minutes there.
 */
import { chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend, setState } from '@vitest/expect';

export { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@vitest/runner';

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

export const expect = Object.assign(
  (value: unknown, message?: string) => chai.expect(value, message),
  chai.expect,
);
setState({ assertionCalls: 0 }, expect as unknown as Parameters<typeof setState>[1]);
