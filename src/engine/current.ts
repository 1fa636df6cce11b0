/** The engine this program runs on: set once by the entry file of each host, before anything is called. */
import type { Engine } from './engine.ts';

let current: Engine | undefined;

/** Called by the entry file of a host, and by tests. */
export const setEngine = (engine: Engine): void => {
  current = engine;
};

/** The engine; throws when no host has set one, which is a fault of the program. */
export function engine(): Engine {
  if (current === undefined) throw new Error('no engine was set');
  return current;
}
