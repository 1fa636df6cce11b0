import { expect, it } from 'vitest';
import { checkProcess } from '../../../src/config/process.ts';
import { specOf } from '../context.ts';

it('process is required', () => {
  const { process: _, ...without } = specOf({});
  expect(checkProcess(without)).toMatchObject([{ severity: 'error', path: '/process' }]);
  expect(checkProcess(specOf({}))).toEqual([]);
});
