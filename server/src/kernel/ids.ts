import { fromUUIDBytes, typeidUnboxed } from 'typeid-js';

/** The prefix of each kind of id. */
export type IdPrefix =
  | ('usr' | 'ses' | 'tok' | 'cod' | 'otp' | 'rcv' | 'prf' | 'mal')
  | ('acc' | 'cat' | 'txn' | 'rat' | 'rec' | 'rcn' | 'rul' | 'imp' | 'upl')
  | ('vlt' | 'pos' | 'cyc' | 'cfl' | 'adr');

/** A new id such as `pos_01j…`: a TypeID (UUIDv7), so ids sort by the time they were made, byte-wise. */
export function newId(prefix: IdPrefix): string {
  return typeidUnboxed(prefix);
}

/** The lowest id of a time: those that {@link newId} made before it are below, those that it made since are not. Milliseconds since the epoch. */
export function firstIdAt(prefix: IdPrefix, atMs: number): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(atMs) << 16n);
  bytes[6] = 0x70;
  bytes[8] = 0x80;
  return fromUUIDBytes(prefix, bytes);
}

/**
 * The id of a log: always the same for the same block and index, so that a log that is applied again keeps its id. A UUIDv7 of the block's time with
 * 42 bits of the block hash and the log index in place of the random bits.
 */
export function logId(blockTimeSeconds: number, blockHash: string, logIndex: number): string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(blockTimeSeconds * 1000) << 16n);
  bytes.set(Buffer.from(blockHash.slice(2, 14), 'hex'), 6);
  view.setUint32(12, logIndex);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return fromUUIDBytes('slog', bytes);
}

/**
 * The ids of the transactions that a run of an import makes, by the number of their row: those of a run have one prefix, so that they are a range, which is
 * how they are found again. UUIDv7s of the time at which the run began, with 42 bits of `runHex` (12 hex digits) and the row in place of the random bits.
 */
export function importedTransactionId(runMs: number, runHex: string): (row: number) => string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(runMs) << 16n);
  bytes.set(Buffer.from(runHex, 'hex'), 6);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return (row) => {
    view.setUint32(12, row);
    return fromUUIDBytes('txn', bytes);
  };
}

/** The first and the last id that {@link importedTransactionId} makes for a run. */
export function importedTransactionIds(runMs: number, runHex: string): { first: string; last: string } {
  const idOf = importedTransactionId(runMs, runHex);
  return { first: idOf(0), last: idOf(0xffff_ffff) };
}
