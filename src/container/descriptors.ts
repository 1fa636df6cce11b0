/** What the caller must have ready for a process: a receiver of its terminal, descriptors to hand down. */
import { engine } from '../engine/current.ts';
import { consoleSocketNeeded, consoleSocketUseless, preservedFdMissing } from '../errors.ts';
import { isOpen } from '../linux/descriptors.ts';
import type { PlanContext } from '../plan/context.ts';

/** A terminal without anyone to take it hangs nobody knows where; a socket without one waits for ever. */
export function checkConsole({ spec, options }: PlanContext): void {
  const hasTerminal = spec.process?.terminal === true;
  const hasSocket = options.consoleSocket !== undefined;
  if (hasTerminal && !options.foreground && !hasSocket) throw consoleSocketNeeded();
  if (hasSocket && (!hasTerminal || options.foreground)) throw consoleSocketUseless();
}

/** Descriptors from 3 up that are to be handed down must be the caller's: the executor's own would be taken for them. */
export function checkPreserved(count: number): void {
  for (let fd = 3; fd < 3 + count; fd += 1) {
    if (!isOpen(fd) || engine().ownsDescriptor(fd)) throw preservedFdMissing(fd);
  }
}
