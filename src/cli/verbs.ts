/**
 * Which function carries out which verb of the command table. Those that are not here are in
 * src/explain/verbs.ts, which is loaded when one of them is asked for.
 */
import type { Verb } from './commands.ts';
import { create } from './create.ts';
import { remove } from './delete.ts';
import { events } from './events.ts';
import { exec } from './exec.ts';
import { features } from './features.ts';
import type { Invocation } from './invocation.ts';
import { kill } from './kill.ts';
import { list } from './list.ts';
import { pause, resume } from './pause.ts';
import { ps } from './ps.ts';
import { run } from './run.ts';
import { spec } from './spec.ts';
import { start } from './start.ts';
import { state } from './state.ts';
import { update } from './update.ts';

export const VERB_FUNCTIONS: { readonly [K in Verb]?: (invocation: Invocation) => void } = {
  create,
  start,
  state,
  kill,
  delete: remove,
  run,
  exec,
  list,
  ps,
  pause,
  resume,
  update,
  events,
  spec,
  features,
};
