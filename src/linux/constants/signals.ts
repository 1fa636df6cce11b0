/** Signals by name, signal(7); the numbers x86-64 and arm64 share. */
export const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const;

/** Other names of the same signals. */
const SIGNAL_ALIASES: Readonly<Record<string, number>> = {
  SIGIOT: SIGNALS.SIGABRT,
  SIGCLD: SIGNALS.SIGCHLD,
  SIGPOLL: SIGNALS.SIGIO,
  SIGUNUSED: SIGNALS.SIGSYS,
};

/** The C library keeps 32 and 33 for itself, so what programs call SIGRTMIN is 34. */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/**
 * A signal as `kill` takes it: a number from 0 to 64, or a name in any case with or without `SIG`,
 * realtime ones as `RTMIN+3`, `RTMAX-1`. undefined for anything else. 0 only asks whether the process
 * exists, kill(2).
 */
export function parseSignal(text: string): number | undefined {
  if (/^[0-9]+$/.test(text)) {
    const number = Number(text);
    return number <= SIGRTMAX ? number : undefined;
  }
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  for (const [known, number] of Object.entries(SIGNALS)) if (known === name) return number;
  if (Object.hasOwn(SIGNAL_ALIASES, name)) return SIGNAL_ALIASES[name];
  const realtime = /^SIGRT(MIN|MAX)(?:([+-])([0-9]{1,2}))?$/.exec(name);
  if (realtime === null) return undefined;
  const base = realtime[1] === 'MIN' ? SIGRTMIN : SIGRTMAX;
  const offset = Number(realtime[3] ?? 0);
  const number = realtime[2] === '-' ? base - offset : base + offset;
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
}
