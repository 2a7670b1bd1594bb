import { hexToBytes, keccak256 } from 'viem';
import type { Hex } from '../types.ts';

/** The three bit positions of a value in a 2048-bit logs bloom (Ethereum Yellow Paper, section 4.3.1, M3:2048). */
function bloomBits(value: Hex): number[] {
  const digest = hexToBytes(keccak256(hexToBytes(value)));
  return [0, 2, 4].map((at) => (((digest[at] as number) << 8) | (digest[at + 1] as number)) & 2047);
}

/**
 * Prepares a test of whether a block's bloom admits a log of this address with one of these topics. False is certain; true may be a coincidence.
 */
export function createBloomTest(address: Hex, topics: readonly Hex[]): (logsBloom: Hex) => boolean {
  const addressBits = bloomBits(address);
  const topicBits = topics.map(bloomBits);
  return (logsBloom) => {
    const isSet = (bit: number) => {
      // The bloom is big-endian: bit 0 is the lowest bit of the last byte.
      const nibble = Number.parseInt(logsBloom[2 + 511 - (bit >> 2)] as string, 16);
      return ((nibble >> (bit & 3)) & 1) === 1;
    };
    return addressBits.every(isSet) && topicBits.some((bits) => bits.every(isSet));
  };
}
