/** The program on QuickJS: what native/quickjs/build.mjs makes ./tsrun of. */
import { setEngine } from './engine/current.ts';
import { makeBuiltins, onStart, quickjsEngine } from './engine/quickjs.ts';
import { bindAll } from './linux/call.ts';
import { main } from './main.ts';

setEngine(quickjsEngine());
bindAll();
makeBuiltins();
onStart(main);
