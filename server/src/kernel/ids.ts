import { randomFillSync } from 'node:crypto';

/** The prefix of each kind of id. */
export type IdPrefix =
  | ('usr' | 'ses' | 'tok' | 'cod' | 'otp' | 'rcv' | 'prf' | 'mal')
  | ('acc' | 'cat' | 'txn' | 'rat' | 'rec' | 'rul' | 'imp' | 'upl')
  | ('vlt' | 'pos' | 'cyc' | 'cfl' | 'adr');

const COUNTER_END = 2 ** 31;
const DRAWN_BYTES = 9;

/** Chance for ids is drawn for many at a time: a call for each costs more than the rest of the id. */
const drawn = Buffer.alloc(900 * DRAWN_BYTES);
let drawnAt = drawn.length;

/** The sixteen bytes of the id in hand, and its digits. */
const bytes = Buffer.alloc(16);
const digits = Buffer.alloc(26);
const ALPHABET = Buffer.from('0123456789abcdefghjkmnpqrstvwxyz');

let lastMs = 0;
let counter = 0;

/**
 * A new id such as `pos_01j…`: a TypeID (UUIDv7), so ids sort by the time they were made, byte-wise. Those of one process sort by the order in which they
 * were made, also within a millisecond and where the clock is set back: a counter of 31 bits stands behind the time (RFC 9562, 6.2, method 1), and 40
 * random bits behind it.
 */
export function newId(prefix: IdPrefix): string {
  if (drawnAt === drawn.length) {
    randomFillSync(drawn);
    drawnAt = 0;
  }
  const nowMs = Date.now();
  counter += 1;
  if (nowMs > lastMs || counter === COUNTER_END) {
    lastMs = Math.max(nowMs, lastMs + 1);
    // At most half of its range, so that the other half is left to count in.
    counter = drawn.readUInt32BE(drawnAt) >>> 2;
  }
  bytes.writeUIntBE(lastMs, 0, 6);
  bytes.writeUInt16BE(counter >>> 19, 6);
  bytes[8] = (counter >>> 13) & 0x3f;
  bytes.writeUInt16BE((counter << 3) & 0xffff, 9);
  drawn.copy(bytes, 11, drawnAt + 4, drawnAt + DRAWN_BYTES);
  drawnAt += DRAWN_BYTES;
  return toTypeId(prefix);
}

/**
 * The id of a log: always the same for the same block and index, so that a log that is applied again keeps its id. A UUIDv7 of the block's time with
 * 42 bits of the block hash and the log index in place of the random bits.
 */
export function logId(blockTimeSeconds: number, blockHash: string, logIndex: number): string {
  bytes.writeUIntBE(blockTimeSeconds * 1000, 0, 6);
  bytes.write(blockHash.slice(2, 14), 6, 'hex');
  bytes.writeUInt32BE(logIndex, 12);
  return toTypeId('slog');
}

/**
 * Marks the bytes as a UUIDv7 and writes them as TypeID does: 26 digits of base 32, five bits each, two zero bits in front. By hand, since a back-fill
 * makes two for every event, and the library takes six times as long for them.
 */
function toTypeId(prefix: string): string {
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  let at = 0;
  let bits = 0;
  let bitCount = 2;
  for (const byte of bytes) {
    bits = ((bits & 31) << 8) | byte;
    bitCount += 8;
    for (; bitCount >= 5; bitCount -= 5) digits[at++] = ALPHABET[(bits >>> (bitCount - 5)) & 31] as number;
  }
  return `${prefix}_${digits.toString('latin1')}`;
}

/**
 * The id of the transaction that a run of an import makes of its row number `row`: those of a run have one prefix, so that they are a range, which is how
 * they are found again. A UUIDv7 of the time at which the run began, with 42 bits of `runHex` (12 hex digits) and the row in place of the random bits.
 */
export function importedTransactionId(runMs: number, runHex: string, row: number): string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(runMs) << 16n);
  bytes.set(Buffer.from(runHex, 'hex'), 6);
  view.setUint32(12, row);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return fromUUIDBytes('txn', bytes);
}

/** The first and the last id that {@link importedTransactionId} makes for a run. */
export function importedTransactionIds(runMs: number, runHex: string): { first: string; last: string } {
  return {
    first: importedTransactionId(runMs, runHex, 0),
    last: importedTransactionId(runMs, runHex, 0xffff_ffff),
  };
}
