/** Clocks. */
import { throwing } from './call.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';

const sys = {
  clock_gettime: throwing('clock_gettime', 'i:ip'),
  nanosleep: throwing('nanosleep', 'i:pp'),
};

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;

/** The wall clock: whole seconds since 1970 and nanoseconds. */
export function realTime(): { readonly seconds: number; readonly nanoseconds: number } {
  const buffer = new Uint8Array(16);
  sys.clock_gettime('CLOCK_REALTIME', CLOCK_REALTIME, buffer);
  const view = viewOf(buffer);
  return {
    seconds: Number(view.getBigInt64(0, LITTLE_ENDIAN)),
    nanoseconds: Number(view.getBigInt64(8, LITTLE_ENDIAN)),
  };
}

/** Milliseconds of a clock that never goes back. */
export function monotonicMs(): number {
  const buffer = new Uint8Array(16);
  sys.clock_gettime('CLOCK_MONOTONIC', CLOCK_MONOTONIC, buffer);
  const view = viewOf(buffer);
  return (
    Number(view.getBigInt64(0, LITTLE_ENDIAN)) * 1000 +
    Number(view.getBigInt64(8, LITTLE_ENDIAN)) / 1e6
  );
}

/** The wall clock as RFC 3339 with nanoseconds, UTC: what `state` shows as `created`. */
export function timestamp(): string {
  const { seconds, nanoseconds } = realTime();
  const date = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${date}.${String(nanoseconds).padStart(9, '0')}Z`;
}

/** Sleeps; a signal ends nothing, the call is made again with the whole time. */
export function sleepMs(milliseconds: number): void {
  const buffer = new Uint8Array(16);
  const view = viewOf(buffer);
  view.setBigInt64(0, BigInt(Math.floor(milliseconds / 1000)), LITTLE_ENDIAN);
  view.setBigInt64(8, BigInt(Math.round((milliseconds % 1000) * 1e6)), LITTLE_ENDIAN);
  sys.nanosleep('', buffer, null);
}
