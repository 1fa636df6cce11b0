import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bundleNames, goldenPlan, planFile } from '../../../bundles/goldenPlan.ts';

describe('the plan of a sample bundle', () => {
  it.each(bundleNames())('%s is what its plan.txt says (npm run golden writes it)', (bundle) => {
    expect(goldenPlan(bundle)).toBe(readFileSync(planFile(bundle), 'utf8'));
  });
});
