/** `npm run golden`: writes plan.txt beside every sample bundle's config.json. */
import { writeFileSync } from 'node:fs';
import { bundleNames, goldenPlan, planFile } from './goldenPlan.ts';

for (const bundle of bundleNames()) writeFileSync(planFile(bundle), goldenPlan(bundle));
