/** `tsrun state`, in the shape of runc's: indented by two spaces, no newline at the end. */
import { readState } from '../container/state.ts';
import { formatJson } from '../spec/formatJson.ts';
import { type Invocation, idOf } from './invocation.ts';
import { print } from './output.ts';

export const state = (invocation: Invocation): void =>
  print(formatJson(readState(invocation.globals.root, idOf(invocation)), '  '));
