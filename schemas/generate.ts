/** Makes src/generated and native/generated from the schemas and the operation table. */
import { generateErrors } from './generate-errors.ts';
import { generateOps } from './generate-ops.ts';
import { generateSpec } from './generate-spec.ts';

const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
generateOps(root);
await generateSpec(root);
generateErrors(root);
