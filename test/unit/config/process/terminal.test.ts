import { describe, expect, it } from 'vitest';
import { checkTerminal, planConsole } from '../../../../src/config/process/terminal.ts';
import { contextOf, opsOf, PROCESS, specOf, specOfProcess } from '../../context.ts';

const linux = { namespaces: [{ type: 'mount' } as const] };

describe('process.terminal', () => {
  it('is opened in the container, and its master sent to who waits for it', () => {
    const process = { ...PROCESS, terminal: true, consoleSize: { height: 24, width: 80 } };
    expect(opsOf(planConsole(contextOf(specOf({ process, linux }))))).toEqual([
      { call: 'console', root: 'root', rows: 24, columns: 80, mount: 1, out: 'console' },
      { call: 'send_fd', socket: 'console-socket', fd: 'console', payload: '/dev/ptmx' },
      { call: 'close', fd: 'console' },
    ]);
  });

  it('is not mounted on /dev/console where the rootfs is no mount of the container', () => {
    expect(opsOf(planConsole(contextOf(specOfProcess({ terminal: true }))))[0]).toMatchObject({
      rows: 0,
      columns: 0,
      mount: 0,
    });
  });

  it('is absent unless asked for', () => {
    expect(planConsole(contextOf(specOfProcess({ consoleSize: { height: 1, width: 1 } })))).toEqual(
      [],
    );
  });
});

describe('process.consoleSize', () => {
  const check = (terminal: boolean) =>
    checkTerminal(specOfProcess({ terminal, consoleSize: { height: 65536, width: 65535 } }));

  it('fits the winsize of the kernel, and matters with a terminal alone', () => {
    expect(check(true)).toMatchObject([{ path: '/process/consoleSize/height', got: '65536' }]);
    expect(check(false)).toEqual([]);
  });
});
