/** Makes src/generated and native/generated from the schemas and the operation table. */
import { generateOps } from './generate-ops.ts';

const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
generateOps(root);
