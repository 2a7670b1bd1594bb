import { hash } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import type { TransactionRecord, Units } from '../ledger/index.ts';
import { OccurrenceCounter } from './occurrences.ts';
import { type Candidate, findCandidates } from './known-rows.repository.ts';
import type { Judged } from './judge-rows.ts';
import { keyOf, pairNearest, type Side } from './nearest-pairs.ts';

/** How many days a transaction may stand before or after a row that it may be: a person writes down the day of the purchase, a bank that of its booking. */
export const POSSIBLE_DUPLICATE_DAYS = 5;
/** Entries of the ledger that a batch is compared with, whatever lies around its dates. */
const CANDIDATES_MAX = 20_000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The transactions that rows of a file may be, each on one of its accounts, and those that they are known to be, in 12 to 24 bytes for each. */
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

type Comparing = {
  dialect: Dialect;
  userId: string;
  source: string;
  /** What rows of the batches before are or may be; the caller adds that of this one's once it is written. */
  matched: Matched;
  /** Whether a transaction is one that the import itself has made. */
  isOwn: (id: string) => boolean;
};

/**
 * Which new rows the ledger may have already from elsewhere: typed by hand, from another source, or as the other side of a transfer; each with that
 * transaction's id. The same account, the same signed amount, and a date at most {@link POSSIBLE_DUPLICATE_DAYS} days away; within a batch the nearest pairs first
 * ({@link pairNearest}), and what a batch before has taken is taken. What the source itself has written for that account is told apart by ids and hashes, and is
 * not meant; neither is what a row of this batch or one before is known to be. One statement.
 *
 * @returns `taken`: what these rows may be, and what its duplicates are, for {@link Matched}. `isWhole`: false where so much lies around the dates that some of
 * it was not looked at
 */
export async function findPossibleDuplicates(
  em: SqlEntityManager,
  { dialect, userId, source, matched, isOwn }: Comparing,
  judged: readonly Judged[],
): Promise<{ ids: Map<Judged, string>; taken: ReadonlySet<string>; isWhole: boolean }> {
  const ids = new Map<Judged, string>();
  const taken = new Set(judged.flatMap((each) => (each.outcome === 'duplicate' ? (each.transactionId ?? []) : [])));
  const rows = judged.flatMap((each) =>
    each.outcome === 'new' && each.record.kind !== 'opening'
      ? [{ each, day: dayOf(each.record.occurredOn), sides: sidesOf(each.record) }]
      : [],
  );
  if (rows.length === 0) return { ids, taken, isWhole: true };
  const [first, last] = rows.reduce(
    ([min, max], { day }) => [Math.min(min, day), Math.max(max, day)],
    [Infinity, -Infinity],
  );
  const { candidates, isWhole } = await findCandidates(em, dialect, {
    userId,
    accountIds: [...new Set(rows.flatMap(({ sides }) => sides.map(({ accountId }) => accountId)))],
    from: dateOf(first - POSSIBLE_DUPLICATE_DAYS),
    to: dateOf(last + POSSIBLE_DUPLICATE_DAYS),
    limit: CANDIDATES_MAX,
  });
  const near = candidates.flatMap((candidate) => {
    const { id, kind, occurredOn } = candidate;
    if (kind === 'opening' || isOwn(id) || taken.has(id) || matched.has(id)) return [];
    const isFree = (side: Side) =>
      !(candidate.source === source && isRowOf(candidate, side)) && !matched.has(keyOf(id, side));
    return [{ id, day: dayOf(occurredOn), sides: sidesOf(candidate).filter(isFree) }];
  });
  for (const [{ each, sides }, id] of pairNearest(rows, near, POSSIBLE_DUPLICATE_DAYS)) {
    ids.set(each, id);
    for (const side of sides) taken.add(keyOf(id, side));
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

/** An id as an import keeps it, with the account of its row. */
const ACCOUNT_OF_KEY = /^(acc_[0-9a-z]{26})\//;

/**
 * Whether the row that a transaction of this source was made of was of that account: it is told apart from others by its key. An id has its account in it; what a
 * row was of that has a hash, and was made a transfer since, nobody knows. What has no key was made of no row.
 */
function isRowOf({ key, transfer }: Candidate, { accountId }: Side): boolean {
  if (key === null) return false;
  const keptWith = ACCOUNT_OF_KEY.exec(key)?.[1];
  return keptWith === undefined ? transfer === null : keptWith === accountId;
}

function dayOf(date: string): number {
  return Date.parse(date) / DAY_MS;
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
