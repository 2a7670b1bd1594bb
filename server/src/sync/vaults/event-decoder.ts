import { type AbiEvent, toEventSelector } from 'viem';
import { ChainReadError } from '../errors.ts';
import type { Hex, RawLog } from '../types.ts';

type Argument = bigint | Hex;
type WordReader = (log: RawLog) => Argument;

/** Decodes logs of one event. */
export type EventDecoder = {
  topic: Hex;
  /** The arguments in the order of the signature: addresses in lower case, integers as bigint. @throws ChainReadError */
  decode(log: RawLog): Argument[];
};

/**
 * Compiles a decoder for an event whose arguments are all addresses and unsigned integers: each is one 32-byte word at a fixed place (Solidity ABI
 * specification, "Events"), so a log costs a few slices instead of a walk over the ABI. Measured some thirty times faster than a general decoder.
 */
export function compileEventDecoder(event: AbiEvent): EventDecoder {
  const indexedCount = event.inputs.filter((input) => input.indexed).length;
  const wordCount = event.inputs.length - indexedCount;
  const dataLength = 2 + 64 * wordCount;
  let topicAt = 1;
  let wordAt = 0;
  const readers = event.inputs.map((input): WordReader => {
    const toArgument = wordParser(input.type);
    if (input.indexed) {
      const index = topicAt++;
      return (log) => toArgument(log.topics[index]?.slice(2) ?? '');
    }
    const start = 2 + 64 * wordAt++;
    return (log) => toArgument(log.data.slice(start, start + 64));
  });
  return {
    topic: toEventSelector(event),
    decode(log) {
      if (log.topics.length !== 1 + indexedCount || log.data.length !== dataLength) {
        throw new ChainReadError(`log ${log.logIndex} of block ${log.blockHash} does not fit ${event.name}`);
      }
      return readers.map((read) => read(log));
    },
  };
}

function wordParser(type: string): (word: string) => Argument {
  if (type === 'address') return (word) => `0x${word.slice(24).toLowerCase()}`;
  if (/^uint\d*$/.test(type)) return (word) => BigInt(`0x${word}`);
  throw new Error(`no fixed-place decoder for ${type}`);
}
