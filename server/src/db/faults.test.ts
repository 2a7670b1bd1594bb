import { describe, expect, test } from 'vitest';
import { isConnectionLost, isReplayable, isUnavailable } from './faults.ts';

const fault = (errno: number) => Object.assign(new Error(`errno ${errno}`), { errno });
const coded = (code: string, more: object = {}) => Object.assign(new Error(code), { code, ...more });
const wrapped = (inner: Error) => new Error('outer', { cause: new Error('middle', { cause: inner }) });

describe('what may be replayed', () => {
  test('a deadlock, a lock wait time-out and a busy file, also where other errors wrap them', () => {
    for (const inner of [fault(1213), fault(1205), coded('SQLITE_BUSY_SNAPSHOT')]) {
      expect(isReplayable(inner)).toBe(true);
      expect(isReplayable(wrapped(inner))).toBe(true);
      expect(isUnavailable(wrapped(inner)), 'once it has been replayed in vain').toBe(true);
    }
  });

  test('nothing else', () => {
    for (const thrown of [fault(1062), new Error('1213'), null, undefined, 'ER_LOCK_DEADLOCK', { errno: 1213 }]) {
      expect(isReplayable(thrown)).toBe(false);
    }
  });
});

describe('what cannot be used at the moment', () => {
  const refused = coded('ECONNREFUSED', { fatal: true, syscall: 'connect' });
  const ended = coded('PROTOCOL_CONNECTION_LOST', { fatal: true });

  test('a connection that was lost is told from one that could not be opened', () => {
    expect([ended, wrapped(ended), refused].map(isConnectionLost)).toEqual([true, true, false]);
  });

  test.each([
    ended,
    refused,
    coded('ER_CON_COUNT_ERROR'),
    coded('ER_OPTION_PREVENTS_STATEMENT'),
    coded('SQLITE_FULL'),
    coded('ENOSPC'),
  ])('%s, also where other errors wrap it', (error) => {
    expect([isUnavailable(error), isUnavailable(wrapped(error))]).toEqual([true, true]);
  });

  test('nothing that is somebody’s mistake', () => {
    for (const thrown of [fault(1062), coded('ER_PARSE_ERROR'), coded('ENOENT'), coded('ECONNREFUSED'), null, 'ENOSPC'])
      expect([isUnavailable(thrown), isConnectionLost(thrown)]).toEqual([false, false]);
  });
});
