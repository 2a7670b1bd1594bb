import fc from 'fast-check';
import { keccak256, toRlp } from 'viem';
import { describe, expect, test } from 'vitest';
import { ChainReadError } from '../errors.ts';
import type { Hex } from '../types.ts';
import { parseHeader, parseLogs } from './rpc-schemas.ts';

const hash = (digit: string): Hex => `0x${digit.repeat(64)}`;
const address: Hex = `0x${'ab'.repeat(20)}`;

const header = {
  number: '0x10',
  hash: hash('A'),
  parentHash: hash('b'),
  timestamp: '0x65000000',
  logsBloom: `0x${'A'.repeat(512)}`,
  extraData: '0x',
};
const log = {
  address: `0x${'AB'.repeat(20)}`,
  topics: [hash('1'), hash('2')],
  data: `0x${'0'.repeat(64)}`,
  blockNumber: '0x10',
  blockHash: hash('C'),
  logIndex: '0x0',
  transactionHash: hash('D'),
  transactionIndex: '0x0',
  removed: false,
};

/** Anything that a node might answer in place of a field; `undefined` leaves it out. */
const rubbish = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    '0x',
    16,
    1.5,
    true,
    [],
    {},
    ['0x10'],
    '0x-1',
    '16',
    '0xzz',
    ' 0x10',
    '0x10 ',
    hash('z'),
    hash('1') + '0',
    hash('1').slice(0, -1),
  ),
  fc.string(),
);

describe('a block', () => {
  test('is read with its hashes in lower case, and its other fields dropped', () => {
    expect(parseHeader(header)).toEqual({
      number: 16,
      hash: hash('a'),
      parentHash: hash('b'),
      timestamp: 0x65000000,
      logsBloom: `0x${'a'.repeat(512)}`,
    });
  });

  test('has a bloom of zeros only where it has no transactions; elsewhere zeros say nothing', () => {
    const zeros = `0x${'0'.repeat(512)}`;
    const emptyRoot = keccak256(toRlp('0x'));
    expect(parseHeader({ ...header, logsBloom: zeros, transactionsRoot: emptyRoot }).logsBloom).toBe(zeros);
    for (const transactionsRoot of [hash('7'), hash('0'), '0x', null, 7, undefined]) {
      expect(
        parseHeader({ ...header, logsBloom: zeros, transactionsRoot }).logsBloom,
        String(transactionsRoot),
      ).toBeNull();
      expect(parseHeader({ ...header, transactionsRoot }).logsBloom).toBe(`0x${'a'.repeat(512)}`);
    }
  });

  test.each(['number', 'hash', 'parentHash', 'timestamp', 'logsBloom'])('with rubbish in %s is refused', (field) => {
    fc.assert(
      fc.property(rubbish, (value) => {
        // Some rubbish is the right thing elsewhere.
        fc.pre(!(typeof value === 'string' && /^0x[0-9a-f]+$/i.test(value)));
        expect(() => parseHeader({ ...header, [field]: value })).toThrow(ChainReadError);
      }),
    );
  });

  test.each(['number', 'timestamp'])('with more in %s than a number holds exactly is refused', (field) => {
    const most = `0x${'f'.repeat(13)}`;
    expect(parseHeader({ ...header, [field]: most })).toMatchObject({ [field]: 2 ** 52 - 1 });
    for (const value of [`${most}f`, `0x${(2n ** 53n).toString(16)}`, hash('f')]) {
      expect(() => parseHeader({ ...header, [field]: value }), value).toThrow(ChainReadError);
    }
  });

  test.each([null, undefined, [], 'latest', 7, {}])('%j is none', (answer) => {
    expect(() => parseHeader(answer)).toThrow(ChainReadError);
  });
});

describe('a list of logs', () => {
  test('is read in the order it came, the time of a block only where the node tells it', () => {
    const [first, second] = parseLogs([log, { ...log, logIndex: '0x1', blockTimestamp: '0x65000000' }], address);
    expect(first).toEqual({
      address,
      topics: [hash('1'), hash('2')],
      data: log.data,
      blockNumber: 16,
      blockHash: hash('c'),
      logIndex: 0,
      transactionHash: hash('d'),
      blockTimestamp: null,
    });
    expect(second).toMatchObject({ logIndex: 1, blockTimestamp: 0x65000000 });
  });

  test.each(['address', 'topics', 'data', 'blockNumber', 'blockHash', 'logIndex', 'transactionHash'])(
    'with rubbish in %s is refused whole',
    (field) => {
      fc.assert(
        fc.property(rubbish, (value) => {
          fc.pre(
            !(typeof value === 'string' && /^0x[0-9a-f]*$/i.test(value)) &&
              !(Array.isArray(value) && value.length === 0),
          );
          expect(() => parseLogs([log, { ...log, [field]: value }], address), JSON.stringify(value)).toThrow(
            ChainReadError,
          );
        }),
        { numRuns: 300 },
      );
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ['of another contract', { address: `0x${'cd'.repeat(20)}` }],
    ['that was removed', { removed: true }],
    ['that is not mined', { blockNumber: null, blockHash: null }],
    ['with a hash that is too short', { blockHash: hash('1').slice(0, -1) }],
    ['with five topics', { topics: Array(5).fill(hash('1')) }],
    ['with a topic that is too short', { topics: [hash('1').slice(0, -1)] }],
    ['with a topic that is no hex', { topics: [hash('1'), hash('z')] }],
    ['with a block number that is no hex', { blockNumber: '0xzz' }],
    ['with data that is no hex', { data: `0x${'zz'.repeat(32)}` }],
    ['with a hash that is no hex', { blockHash: hash('z') }],
  ])('with one %s is refused whole', (_, fault) => {
    expect(() => parseLogs([log, { ...log, ...fault }], address)).toThrow(ChainReadError);
  });

  test('what is no list of logs is refused: never an empty one', () => {
    for (const answer of [
      null,
      undefined,
      {},
      'none',
      0,
      { length: 0 },
      [null],
      [undefined],
      ['log'],
      [[]],
      [log, null],
    ]) {
      expect(() => parseLogs(answer, address), JSON.stringify(answer)).toThrow(ChainReadError);
    }
  });

  test('an empty list is an answer', () => {
    expect(parseLogs([], address)).toEqual([]);
  });
});
