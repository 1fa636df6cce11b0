/** The verbs that are seldom asked for: loaded by main.ts when one of them is. */
import { checkpoint } from './checkpoint.ts';
import type { SeldomVerb } from './commands.ts';
import { info } from './info.ts';
import type { Invocation } from './invocation.ts';
import { restore } from './restore.ts';

export const SELDOM_VERBS: { readonly [K in SeldomVerb]: (invocation: Invocation) => void } = {
  checkpoint,
  restore,
  info,
};
