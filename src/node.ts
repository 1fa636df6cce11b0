/** The program on Node: what native/bundle.mjs makes dist/tsrun.mjs of. */
import { setEngine } from './engine/current.ts';
import { nodeEngine } from './engine/node.ts';
import { main } from './main.ts';

setEngine(nodeEngine());
main();
