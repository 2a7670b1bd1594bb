import { hash } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import type { TransactionRecord, Units } from '../ledger/index.ts';
import { OccurrenceCounter } from './occurrences.ts';
import { type Candidate, findCandidates } from './imports.repository.ts';
import type { Judged } from './judge-rows.ts';

/** How many days a transaction may stand before or after a row that it may be: a person writes down the day of the purchase, a bank that of its booking. */
export const POSSIBLE_DUPLICATE_DAYS = 5;
/** Entries of the ledger that a batch is compared with, whatever lies around its dates. */
const CANDIDATES_MAX = 20_000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The transactions that rows of a file may be, each on one of its accounts, in 12 to 24 bytes for each. */
export class Matched {
  readonly #keys = new OccurrenceCounter();

  has(key: string): boolean {
    return this.#keys.countOf(...fingerprintOf(key)) > 0;
  }

  add(keys: Iterable<string>): void {
    for (const key of keys) this.#keys.count(...fingerprintOf(key));
  }
}

function fingerprintOf(key: string): [number, number] {
  const digest = hash('sha256', key, 'buffer');
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

/** The days before and after a row, the nearest first. */
const NEAREST_FIRST = [
  0,
  ...Array.from({ length: POSSIBLE_DUPLICATE_DAYS }, (_, index) => index + 1).flatMap((days) => [-days, days]),
];

type Comparing = {
  dialect: Dialect;
  userId: string;
  source: string;
  /** What rows of the batches before may be; the caller adds what this one's may be once it is written. */
  matched: Matched;
  /** Whether a transaction is one that the import itself has made. */
  isOwn: (id: string) => boolean;
};

/**
 * Which new rows the ledger may have already from elsewhere: typed by hand, from another source, or as the other side of a transfer; each with that
 * transaction's id. The same account, the same signed amount, and a date at most {@link POSSIBLE_DUPLICATE_DAYS} days away; the nearest one, and each for one row.
 * What the source itself has written for that account is told apart by ids and hashes, and is not meant. One statement.
 *
 * @returns `taken`: what these rows may be, for {@link Matched}. `isWhole`: false where so much lies around the dates that some of it was not looked at
 */
export async function findPossibleDuplicates(
  em: SqlEntityManager,
  { dialect, userId, source, matched, isOwn }: Comparing,
  judged: readonly Judged[],
): Promise<{ ids: Map<Judged, string>; taken: ReadonlySet<string>; isWhole: boolean }> {
  const ids = new Map<Judged, string>();
  const rows = judged.flatMap((each) => (each.outcome === 'new' && each.record.kind !== 'opening' ? [each] : []));
  const days = rows.map(({ record }) => Date.parse(record.occurredOn));
  const [first, last] = days.reduce(
    ([min, max], day) => [Math.min(min, day), Math.max(max, day)],
    [Infinity, -Infinity],
  );
  if (rows.length === 0) return { ids, taken: new Set(), isWhole: true };
  const { candidates, isWhole } = await findCandidates(em, dialect, {
    userId,
    accountIds: [...new Set(rows.flatMap(({ record }) => sidesOf(record).map(({ accountId }) => accountId)))],
    from: dateOf(first - POSSIBLE_DUPLICATE_DAYS * DAY_MS),
    to: dateOf(last + POSSIBLE_DUPLICATE_DAYS * DAY_MS),
    limit: CANDIDATES_MAX,
  });
  const known = new Set(judged.flatMap((each) => (each.outcome === 'duplicate' ? keysOf(each) : [])));
  const near = new Map<string, string[]>();
  for (const candidate of candidates) {
    const { id, kind, key, occurredOn } = candidate;
    const isOfSource = candidate.source === source && key !== null;
    // One that a row of this file is known to be is no other one as well.
    if (kind === 'opening' || isOwn(id) || known.has(id) || (isOfSource && known.has(key))) continue;
    for (const side of sidesOf(candidate)) {
      if ((isOfSource && isRowOf(candidate, side)) || matched.has(keyOf(id, side))) continue;
      const name = nameOf(side, occurredOn);
      const others = near.get(name);
      if (others) others.push(id);
      else near.set(name, [id]);
    }
  }
  const taken = new Set<string>();
  for (const row of rows) {
    const id = takeNearest(row.record, near, taken);
    if (id !== null) ids.set(row, id);
  }
  return { ids, taken, isWhole };
}

/** What is said of rows that the ledger may have already. */
export function possibleWarnings(count: number): string[] {
  if (count === 0) return [];
  return [
    `${count} of the new rows may be transactions that the ledger has already, by hand, from another source or as the other side of a transfer: the same account and amount within ${POSSIBLE_DUPLICATE_DAYS} days. They are imported all the same, unless the import is committed with \`skip_possible_duplicates\`.`,
  ];
}

/** What is said where not all could be compared. */
export function partlyWarnings(isWhole: boolean): string[] {
  if (isWhole) return [];
  return [
    'There is so much around the dates of this file that not all of it was looked at for rows that the ledger may have already.',
  ];
}

type Side = { accountId: string; amount: Units };

/** What a transaction does to each of its accounts. */
function sidesOf({
  kind,
  accountId,
  amount,
  transfer,
}: Pick<TransactionRecord, 'kind' | 'accountId' | 'amount'> & {
  transfer: { toAccountId: string; toAmount: Units } | null;
}): Side[] {
  const own = { accountId, amount: kind === 'income' || kind === 'opening' ? amount : -amount };
  return transfer ? [own, { accountId: transfer.toAccountId, amount: transfer.toAmount }] : [own];
}

function nameOf({ accountId, amount }: Side, date: string): string {
  return `${accountId} ${amount} ${date}`;
}

/** A transaction on one of its accounts. */
function keyOf(id: string, { accountId }: Side): string {
  return `${id} ${accountId}`;
}

/** Takes the transaction that is nearest to a row out of those that are near. A transfer is one row on each of its sides, or a transfer once. */
function takeNearest(
  record: TransactionRecord,
  near: ReadonlyMap<string, string[]>,
  taken: Set<string>,
): string | null {
  const day = Date.parse(record.occurredOn);
  const sides = sidesOf(record);
  for (const days of NEAREST_FIRST) {
    const date = dateOf(day + days * DAY_MS);
    for (const side of sides) {
      const found = near.get(nameOf(side, date));
      for (let id = found?.pop(); id !== undefined; id = found?.pop()) {
        if (taken.has(keyOf(id, side))) continue;
        for (const each of sides) taken.add(keyOf(id, each));
        return id;
      }
    }
  }
  return null;
}

/**
 * Whether the row that a transaction was made of was of that account: it is told apart from others of its source by its key. An id has its account in it; what a
 * row was of that has a hash, and was made a transfer since, nobody knows.
 */
function isRowOf({ key, transfer }: Candidate, { accountId }: Side): boolean {
  return key?.includes('/') ? key.startsWith(`${accountId}/`) : transfer === null;
}

/** By what the transactions of the rows that are there already are known. */
function keysOf({ row: { draft, contentHash } }: Judged): string[] {
  const externalId = draft.kind === 'transaction' ? draft.input.externalId : null;
  return [externalId, contentHash].flatMap((key) => key ?? []);
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
