/** `tsrun create`. */
import { create as createContainer } from '../container/create.ts';
import { creationOf } from './creation.ts';
import type { Invocation } from './invocation.ts';

export const create = (invocation: Invocation): void => createContainer(creationOf(invocation));
