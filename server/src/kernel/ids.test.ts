import fc from 'fast-check';
import { fromString, getType, toUUID } from 'typeid-js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { firstIdAt, logId, newId } from './ids.ts';

const hash = fc.stringMatching(/^0x[0-9a-f]{64}$/);
/** Seconds since the epoch, up to the year 9999. */
const seconds = fc.integer({ min: 0, max: 253_402_300_799 });
const logIndex = fc.integer({ min: 0, max: 0xffff_ffff });

afterEach(() => {
  vi.useRealTimers();
});

describe('new ids', () => {
  test('made at a later millisecond sort behind, compared byte by byte', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 4_000_000_000_000 }), { minLength: 2 }), (times) => {
        const inOrder = times.toSorted((a, b) => a - b);
        const ids = inOrder.map((time) => {
          vi.setSystemTime(time);
          return newId('pos');
        });
        expect(ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))).toEqual(ids);
      }),
    );
  });

  test('are below the first id of every later millisecond, and not below that of their own', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    let later = 5_000_000_000_000;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (pauseMs) => {
        // Ids never go back, whatever the clock does.
        later += pauseMs;
        vi.setSystemTime(later);
        const id = newId('cyc');
        expect(firstIdAt('cyc', later) <= id && id < firstIdAt('cyc', later + 1)).toBe(true);
      }),
    );
  });

  test('are never the same, also within one millisecond', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const ids = Array.from({ length: 20_000 }, () => newId('cyc'));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('say what they are of, and fit their column', () => {
    for (const prefix of ['usr', 'vlt', 'pos', 'cyc', 'cfl', 'adr'] as const) {
      const id = newId(prefix);
      expect(getType(fromString(id))).toBe(prefix);
      expect(id.length).toBeLessThanOrEqual(32);
    }
  });
});

describe('the id of a log', () => {
  test('is the same for the same block and index, whatever the case of the hash', () => {
    fc.assert(
      fc.property(seconds, hash, logIndex, (time, block, index) => {
        const upper = `0x${block.slice(2).toUpperCase()}`;
        expect(logId(time, upper, index)).toBe(logId(time, block, index));
      }),
    );
  });

  test('differs between the indexes of a block and between blocks', () => {
    fc.assert(
      fc.property(seconds, hash, hash, logIndex, logIndex, (time, blockA, blockB, a, b) => {
        expect(logId(time, blockA, a) === logId(time, blockA, b)).toBe(a === b);
        // Of the hash, 42 bits are in the id: 12 hex digits without the six bits of version and variant.
        const bits = (block: string) => BigInt(`0x${block.slice(2, 14)}`) & 0x0fff_3fff_ffffn;
        expect(logId(time, blockA, a) === logId(time, blockB, a)).toBe(bits(blockA) === bits(blockB));
      }),
    );
  });

  test('is a valid TypeID over a UUIDv7 of the block’s time', () => {
    fc.assert(
      fc.property(seconds, hash, logIndex, (time, block, index) => {
        const id = fromString(logId(time, block, index), 'slog');
        const uuid = toUUID(id);
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(Number(`0x${uuid.slice(0, 8)}${uuid.slice(9, 13)}`)).toBe(time * 1000);
        expect(id.length).toBeLessThanOrEqual(32);
      }),
    );
  });

  test('sorts by the time of the block', () => {
    fc.assert(
      fc.property(seconds, seconds, hash, hash, logIndex, logIndex, (timeA, timeB, blockA, blockB, a, b) => {
        fc.pre(timeA < timeB);
        expect(logId(timeA, blockA, a) < logId(timeB, blockB, b)).toBe(true);
      }),
    );
  });
});
