/**
 * Failed calls after which a verb may go on as if nothing had been, each with the reason; those that cannot
 * fail; and those of which no message can tell. Everything else must be refused in one message.
 */
import type { Point } from './injector.ts';

interface Rule {
  readonly call: RegExp;
  /** What it is about must be like this; anything when absent. */
  readonly object?: RegExp;
  /** Who makes the call (`roleOf`); anybody when absent. */
  readonly role?: RegExp;
  readonly reason: string;
}

/** Not tried: the manual page has no error that these arguments could cause. */
const IMPOSSIBLE: readonly Rule[] = [
  {
    call: /^(set_tid_address|get[pt]id|getppid|gete?[ug]id|umask|exit|exit_group|rt_sigreturn)$/,
    reason: 'always successful (its man page)',
  },
  {
    call: /^(uname|rt_sigprocmask|clock_gettime)$/,
    reason: 'fails for a bad address or number alone, and these are constants',
  },
  {
    call: /^rt_sigaction$/,
    role: /^(spawned|hook|init|supervisor)$/,
    reason: 'fails for a bad address or number alone; of 9, 19 and those above 64 it is meant to',
  },
];

/** The verb may succeed. */
const HARMLESS: readonly Rule[] = [
  {
    call: /^rt_sigaction$/,
    reason:
      'a disposition goes back to what it was, or SIGPIPE was ignored for a write that came through',
  },
  { call: /^close$/, reason: 'the descriptor is closed whatever it returns' },
  { call: /^munmap$/, reason: 'the memory goes with the process' },
  {
    call: /^(accept4|read)$/,
    object: /^socket$/,
    role: /^init$/,
    reason: 'create has done its work; start says that the container has stopped',
  },
  {
    call: /^(brk|mmap|mremap|madvise)$/,
    role: /^(tsrun|spawned)$/,
    reason: 'the allocator asks for memory in another way',
  },
  { call: /^fcntl$/, role: /^tsrun$/, reason: 'whether a standard stream is open; they are' },
  {
    call: /^fcntl$/,
    role: /^spawned$/,
    reason: "posix_spawn's question for the flags it then sets",
  },
  {
    call: /^read$/,
    object: /^pipe$/,
    role: /^tsrun$/,
    reason: "posix_spawn's child has told of no failure; the executor speaks for itself",
  },
  {
    call: /^(open_tree|mount_setattr|clone3|seccomp|pidfd_open)$/,
    role: /^(tsrun|init)$/,
    object: /^-$/,
    reason: 'a question whether the kernel has it: what older kernels do is done then',
  },
  {
    call: /^(openat|fstat|read)$/,
    object: /\/etc\/passwd$/,
    role: /^init$/,
    reason: "HOME is / where the image's file cannot be read",
  },
  {
    call: /^(openat|fstat|faccessat2|access)$/,
    object: /\/s?bin\//,
    role: /^init$/,
    reason: 'PATH is searched on, as shells do',
  },
  {
    call: /^read$/,
    object: /^pipe$/,
    role: /^(hook executor|init)$/,
    reason: "a hook's last words are lost, not the hook",
  },
  {
    call: /^recvfrom$/,
    object: /^socket$/,
    role: /^executor$/,
    reason: 'it asks whether it may go on, as it does where that was not said ahead',
  },
  {
    call: /^(openat|write)$/,
    object: /\/\.state\.json\.next$/,
    role: /^tsrun$/,
    reason: 'state.json of the created state is then written when it is due',
  },
  { call: /^prctl$/, role: /^supervisor$/, reason: 'its name, for ps(1)' },
  { call: /^(wait4|poll|read)$/, role: /^supervisor$/, reason: 'it looks again' },
];

/** No message: the process has not come to its own code yet. */
const SPEECHLESS: readonly Rule[] = [
  {
    call: /^arch_prctl$/,
    role: /^(tsrun|supervisor)$/,
    reason: 'the C library has no thread pointer, and ends the process before main',
  },
];

const find = (rules: readonly Rule[], { name, object }: Point, role: string) =>
  rules.find(
    (rule) =>
      rule.call.test(name) &&
      (rule.object?.test(object) ?? true) &&
      (rule.role?.test(role) ?? true),
  )?.reason;

export const reasonNotToTry = (point: Point, role: string) => find(IMPOSSIBLE, point, role);
export const reasonToGoOn = (point: Point, role: string) => find(HARMLESS, point, role);
export const reasonForSilence = (point: Point, role: string) => find(SPEECHLESS, point, role);
