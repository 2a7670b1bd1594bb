import fc from 'fast-check';
import { type AbiEvent, decodeEventLog, encodeAbiParameters, encodeEventTopics, parseAbiItem } from 'viem';
import { describe, expect, test } from 'vitest';
import { ChainReadError } from '../errors.ts';
import type { Hex, RawLog } from '../types.ts';
import { compileEventDecoder } from './event-decoder.ts';

const events = [
  'event Staked(address indexed user, uint256 amount, uint256 timestamp, uint256 stakeIndex)',
  'event Claimed(address indexed user, uint256 reward, uint256 stakeIndex)',
  'event Unstaked(address indexed user, uint256 amount, uint256 reward, uint256 stakeIndex)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event Mixed(uint256 a, address indexed b, address c, uint64 indexed d, uint8 e)',
  'event Bare()',
  'event Indexed(address indexed a, uint256 indexed b, uint256 indexed c)',
].map((signature) => parseAbiItem(signature) as AbiEvent);

const address = fc.stringMatching(/^0x[0-9a-f]{40}$/);
const argument = (type: string): fc.Arbitrary<unknown> => {
  if (type === 'address') return address;
  return fc.bigInt({ min: 0n, max: 2n ** BigInt(type.slice(4)) - 1n });
};

/** An event with random arguments, and the log that a contract would emit. */
const emitted = fc.constantFrom(...events).chain((event) =>
  fc.tuple(...event.inputs.map(({ type }) => argument(type))).map((values) => {
    const named = Object.fromEntries(event.inputs.map(({ name }, at) => [name, values[at]]));
    const isData = (at: number) => event.inputs[at]?.indexed !== true;
    const log: RawLog = {
      address: `0x${'1'.repeat(40)}`,
      topics: encodeEventTopics({ abi: [event], args: named } as never) as unknown as Hex[],
      data: encodeAbiParameters(
        event.inputs.filter((_, at) => isData(at)),
        values.filter((_, at) => isData(at)),
      ),
      blockNumber: 1,
      blockHash: `0x${'2'.repeat(64)}`,
      logIndex: 0,
      transactionHash: `0x${'3'.repeat(64)}`,
      blockTimestamp: null,
    };
    return { event, log };
  }),
);

describe('a compiled decoder', () => {
  test('answers for every event what a general decoder answers', () => {
    fc.assert(
      fc.property(emitted, ({ event, log }) => {
        const decoder = compileEventDecoder(event);
        const { args } = decodeEventLog({ abi: [event], topics: [...log.topics] as [Hex], data: log.data });
        const named = (args ?? {}) as Record<string, unknown>;
        const expected = event.inputs.map(({ name = '' }) => {
          const value = named[name];
          return typeof value === 'string' ? value.toLowerCase() : BigInt(value as number | bigint);
        });
        expect(decoder.topic).toBe(log.topics[0]);
        expect(decoder.decode(log)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('refuses data that is longer or shorter than the signature says, and another number of topics', () => {
    fc.assert(
      fc.property(emitted, fc.integer({ min: 1, max: 130 }), ({ event, log }, digits) => {
        const { decode } = compileEventDecoder(event);
        const faults: Partial<RawLog>[] = [
          { data: `${log.data}${'0'.repeat(digits)}` },
          { topics: [...log.topics, `0x${'0'.repeat(64)}`] },
          { topics: log.topics.slice(0, -1) },
        ];
        if (log.data.length > 2)
          faults.push({ data: log.data.slice(0, Math.max(2, log.data.length - digits)) as Hex }, { data: '0x' });
        for (const fault of faults) expect(() => decode({ ...log, ...fault })).toThrow(ChainReadError);
      }),
    );
  });

  test('cannot be made for arguments that have no fixed place', () => {
    for (const type of ['string', 'bytes', 'uint256[]', 'int256', 'bool', 'tuple']) {
      const event = { type: 'event', name: 'Other', inputs: [{ name: 'a', type }] } as const;
      expect(() => compileEventDecoder(event as AbiEvent), type).toThrow(/no fixed-place decoder/);
    }
  });
});
