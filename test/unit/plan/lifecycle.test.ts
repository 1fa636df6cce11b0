import { describe, expect, it } from 'vitest';
import {
  planAccept,
  planClaim,
  planCloseRange,
  planConsoleSocket,
  planCreated,
  planCreating,
  planGoOn,
  planHostHandles,
  planListen,
  planPidfdSocket,
  planSession,
  planStartSocket,
} from '../../../src/plan/lifecycle.ts';
import { contextOf, opsOf, outline, specOf, specOfProcess } from '../context.ts';

const plain = contextOf(specOf({}));

describe('the state directory', () => {
  it('has state.json before anything else is made', () => {
    expect(opsOf(planCreating(plain))).toEqual([{ call: 'save_state', status: 'creating' }]);
  });
  it('is claimed before anything is put there', () => {
    expect(opsOf(planClaim(plain))).toEqual([{ call: 'claim', path: '/run/tsrun/web' }]);
  });
  it('is brought to created last, and then the pid file is written', () => {
    const context = contextOf(specOf({}), { options: { pidFile: '/run/web.pid' } });
    expect(opsOf(planCreated(plain))).toEqual([{ call: 'save_state', status: 'created' }]);
    expect(opsOf(planCreated(context))).toEqual([
      { call: 'save_state', status: 'created' },
      { call: 'write_pid_file', path: '/run/web.pid', pid: 'init' },
    ]);
  });
});

describe('sockets', () => {
  const terminal = specOfProcess({ terminal: true });
  it('are the start socket alone without a terminal', () => {
    expect(opsOf(planStartSocket(plain))).toEqual([{ call: 'socket', out: 'start' }]);
    expect(opsOf(planListen(plain))).toEqual([
      { call: 'listen', socket: 'start', path: '/run/tsrun/web/start.sock' },
    ]);
    expect(planConsoleSocket(plain)).toEqual([]);
  });
  it('connect to --console-socket for a terminal', () => {
    const steps = planConsoleSocket(
      contextOf(terminal, { options: { consoleSocket: '/run/tty' } }),
    );
    expect(opsOf(steps)).toEqual([{ call: 'connect', path: '/run/tty', out: 'console-socket' }]);
    expect(outline(steps)).toEqual(['runtime connect /process/terminal']);
  });
  it('are a pair in the foreground: the master comes back to the runtime', () => {
    const steps = planConsoleSocket(contextOf(terminal, { options: { foreground: true } }));
    expect(opsOf(steps)).toEqual([
      { call: 'socketpair', out: 'console-socket', peer: 'console-peer' },
    ]);
  });
  it('hand the pidfd on to --pidfd-socket as runc does', () => {
    expect(planPidfdSocket(plain)).toEqual([]);
    const context = contextOf(specOf({}), { options: { pidfdSocket: '/run/pidfd' } });
    expect(opsOf(planPidfdSocket(context))).toEqual([
      { call: 'connect', path: '/run/pidfd', out: 'pidfd-socket' },
      { call: 'send_fd', socket: 'pidfd-socket', fd: 'pidfd', payload: 'standard' },
    ]);
  });
});

describe('the session', () => {
  it('is new, with a keyring named for the container', () => {
    expect(planSession(plain)).toMatchObject([
      { op: { call: 'setsid' } },
      { op: { call: 'keyctl_session', name: '_ses.web' }, ignore: ['ENOSYS'] },
    ]);
  });
  it("keeps the caller's keyring with --no-new-keyring", () => {
    const context = contextOf(specOf({}), { options: { noNewKeyring: true } });
    expect(opsOf(planSession(context))).toEqual([{ call: 'setsid' }]);
  });
});

describe('init', () => {
  it("reaches descriptors through the host's /proc", () => {
    expect(outline(planHostHandles(plain))).toEqual(['outer openat ']);
  });
  it('waits on the start socket', () => {
    expect(opsOf(planAccept(plain))).toEqual([{ call: 'accept', socket: 'start' }]);
  });
  it('of `run` goes on by itself, and says so', () => {
    const context = contextOf(specOf({}), { options: { goesOn: true } });
    expect([planStartSocket, planListen, planAccept].flatMap((plan) => plan(context))).toEqual([]);
    expect(opsOf(planGoOn(context))).toEqual([{ call: 'executing' }]);
    expect(planGoOn(plain)).toEqual([]);
    expect(opsOf(planCloseRange(context))).toEqual([{ call: 'close_range', first: 3 }]);
  });
  it('closes all descriptors but the standard streams and those preserved', () => {
    expect(opsOf(planCloseRange(plain))).toEqual([
      { call: 'close_range', first: 3, keep: 'start' },
    ]);
    const context = contextOf(specOf({}), { options: { preserveFds: 2 } });
    expect(opsOf(planCloseRange(context))).toEqual([
      { call: 'close_range', first: 5, keep: 'start' },
    ]);
  });
});
