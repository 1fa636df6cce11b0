/** `tsrun start`. */
import { start as startContainer } from '../container/start.ts';
import { type Invocation, idOf } from './invocation.ts';

export const start = (invocation: Invocation): void =>
  startContainer(invocation.globals.root, idOf(invocation), invocation.log.warning);
