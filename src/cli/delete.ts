/** `tsrun delete`. */
import { deleteContainer } from '../container/delete.ts';
import { type Invocation, idOf } from './invocation.ts';

export const remove = (invocation: Invocation): void => {
  const { globals, values, log } = invocation;
  deleteContainer(globals.root, idOf(invocation), values.isSet('force'), log.warning);
};
