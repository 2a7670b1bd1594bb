import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import type { TransactionRecord, Units } from '../ledger/index.ts';
import { type Candidate, findCandidates } from './imports.repository.ts';
import type { Judged } from './judge-rows.ts';

/** How many days a transaction may stand before or after a row that it may be: a person writes down the day of the purchase, a bank that of its booking. */
export const POSSIBLE_DUPLICATE_DAYS = 5;
/** Entries of the ledger that a batch is compared with, whatever lies around its dates. */
const CANDIDATES_MAX = 20_000;
const DAY_MS = 24 * 60 * 60 * 1000;

type Comparing = {
  dialect: Dialect;
  userId: string;
  source: string;
  /** The transactions, by id, that a row of the file was matched with already. */
  matched: Set<string>;
  /** Whether a transaction is one that the import itself has made. */
  isOwn: (id: string) => boolean;
};

/**
 * Which new rows the ledger may have already from elsewhere: typed by hand, from another source, or as the other side of a transfer; each with that
 * transaction's id. The same account, the same signed amount, and a date at most {@link POSSIBLE_DUPLICATE_DAYS} days away; the nearest one, and each for one row.
 * What the source itself has written for that account is told apart by ids and hashes, and is not meant. One statement.
 *
 * @returns `isWhole`: false where so much lies around the dates that some of it was not looked at
 */
export async function findPossibleDuplicates(
  em: SqlEntityManager,
  { dialect, userId, source, matched, isOwn }: Comparing,
  judged: readonly Judged[],
): Promise<{ ids: Map<Judged, string>; isWhole: boolean }> {
  const ids = new Map<Judged, string>();
  const rows = judged.flatMap((each) => (each.outcome === 'new' && each.record.kind !== 'opening' ? [each] : []));
  const days = rows.map(({ record }) => Date.parse(record.occurredOn));
  const [first, last] = days.reduce(([min, max], day) => [Math.min(min, day), Math.max(max, day)], [Infinity, 0]);
  if (rows.length === 0) return { ids, isWhole: true };
  const { candidates, isWhole } = await findCandidates(em, dialect, {
    userId,
    accountIds: [...new Set(rows.flatMap(({ record }) => sidesOf(record).map(({ accountId }) => accountId)))],
    from: dateOf(first - POSSIBLE_DUPLICATE_DAYS * DAY_MS),
    to: dateOf(last + POSSIBLE_DUPLICATE_DAYS * DAY_MS),
    limit: CANDIDATES_MAX,
  });
  const known = new Set(judged.flatMap((each) => (each.outcome === 'duplicate' ? keysOf(each) : [])));
  const bySide = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const { id, kind, key } = candidate;
    const isOfSource = candidate.source === source && key !== null;
    // One that a row of this file is known to be is no other one as well.
    if (kind === 'opening' || isOwn(id) || known.has(id) || (isOfSource && known.has(key))) continue;
    for (const side of sidesOf(candidate)) {
      if (isOfSource && isRowOf(candidate, side)) continue;
      const name = nameOf(side);
      const others = bySide.get(name);
      if (others) others.push(candidate);
      else bySide.set(name, [candidate]);
    }
  }
  for (const row of rows) {
    const day = Date.parse(row.record.occurredOn);
    const distanceOf = ({ occurredOn }: Candidate) => Math.abs(Date.parse(occurredOn) - day);
    let nearest: Candidate | undefined;
    for (const candidate of sidesOf(row.record).flatMap((side) => bySide.get(nameOf(side)) ?? [])) {
      if (matched.has(candidate.id) || distanceOf(candidate) > POSSIBLE_DUPLICATE_DAYS * DAY_MS) continue;
      if (!nearest || distanceOf(candidate) < distanceOf(nearest)) nearest = candidate;
    }
    if (!nearest) continue;
    matched.add(nearest.id);
    ids.set(row, nearest.id);
  }
  return { ids, isWhole };
}

/** What is said of rows that the ledger may have already. */
export function possibleWarnings(count: number, isWhole: boolean): string[] {
  const warnings: string[] = [];
  if (count > 0)
    warnings.push(
      `${count} of the new rows may be transactions that the ledger has already, by hand, from another source or as the other side of a transfer: the same account and amount within ${POSSIBLE_DUPLICATE_DAYS} days. They are imported all the same; look at them before, or correct or delete one of the two afterwards.`,
    );
  if (!isWhole)
    warnings.push(
      'There is so much around the dates of this file that not all of it was looked at for rows that the ledger may have already.',
    );
  return warnings;
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

function nameOf({ accountId, amount }: Side): string {
  return `${accountId} ${amount}`;
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
