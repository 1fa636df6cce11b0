/** `tsrun pause` and `tsrun resume`. */
import { pause as pauseContainer, resume as resumeContainer } from '../container/pause.ts';
import { type Invocation, idOf } from './invocation.ts';

export const pause = (invocation: Invocation): void =>
  pauseContainer(invocation.globals.root, idOf(invocation));

export const resume = (invocation: Invocation): void =>
  resumeContainer(invocation.globals.root, idOf(invocation));
