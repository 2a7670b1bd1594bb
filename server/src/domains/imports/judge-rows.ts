import type { TransactionCreate } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { type AccountRecord, findAccounts, listCategories, type TransactionRecord } from '../ledger/index.ts';
import { treeOf } from '../categories/index.ts';
import { applyRulesToDrafts } from '../rules/index.ts';
import { toRecord } from '../transactions/index.ts';
import type { Book } from './book.ts';
import { type Fault, fieldOf } from './interpret.ts';
import { type Booking, findBookings, findDeletedKeys, findHashes } from './known-rows.repository.ts';
import { findMovedRows } from './moved-rows.ts';
import type { ReadRow } from './read-drafts.ts';
import { bareId, bookingOf, isOwnId } from './row-ids.ts';

/**
 * What the ledger has of a duplicate: it as it is, its id with another date, amount or account, it as a row of an account whose entries were moved to its own,
 * nothing any more, since the person has deleted it, or what it only may be, and is left out for.
 */
export type Standing = 'same' | 'differs' | 'moved' | 'deleted' | 'possible';

/** What becomes of a row. */
export type Judged = { row: ReadRow } & (
  | { outcome: 'new'; record: TransactionRecord }
  /** `transactionId`: which one it is, or may be; null for an opening balance, and where none is there (any more, or yet). */
  | { outcome: 'duplicate'; standing: Standing; transactionId: string | null }
  /** `isStale`: it named an account or a category that was archived, merged or removed since the file was begun. */
  | { outcome: 'faulty'; faults: Fault[]; isStale: boolean }
);

type Judging = {
  dialect: Dialect;
  userId: string;
  source: string;
  /** Whether the person's rules decide categories, tags and texts of what is new. */
  appliesRules: boolean;
  /** Whether rows are new whose transactions the person has deleted. */
  restoresDeleted: boolean;
  /** By which the names in the rows were read, with the rules. */
  book: Book;
  /** The external ids of the rows before, for a preview, which writes none of them. */
  seen: Set<string>;
};

/** What is there already: by the hash, by the id that a bank gave, by our own id. */
type Known = {
  /** The ids of the transactions by hash. */
  hashes: ReadonlyMap<string, string>;
  byExternalId: ReadonlyMap<string, Booking>;
  byId: ReadonlyMap<string, Booking>;
};

/**
 * Judges rows against the ledger as it is: new, there already, or at fault. What it finds holds for as long as the caller holds the ledger. What the
 * rules change makes no row another one: it is known again by what stands in the file.
 *
 * @throws AppError IMPORT_FAULTY where a category that a rule names was archived, merged or removed since the rules were read
 */
export async function judgeRows(
  em: SqlEntityManager,
  { dialect, userId, source, appliesRules, restoresDeleted, book, seen }: Judging,
  rows: readonly ReadRow[],
  { idOf, nowMs }: { idOf: (row: number) => string; nowMs: number },
): Promise<Judged[]> {
  const inputs = rows.flatMap(({ draft }) => (draft.kind === 'transaction' ? [draft.input] : []));
  const known = await findAllKnown(em, dialect, { userId, source, rows, inputs });
  const accountIds = new Set(
    inputs.flatMap(({ accountId, transfer }) => [accountId, transfer?.toAccountId ?? accountId]),
  );
  const accounts = await findAccounts(em, dialect, userId, [...accountIds]);
  const twins = new Map(
    inputs.flatMap((input) => {
      const twin = twinOf(input, known);
      return twin ? [[input, twin] as const] : [];
    }),
  );
  const isKnown = ({ draft, contentHash }: ReadRow) =>
    draft.kind !== 'transaction' || twins.has(draft.input) || known.hashes.has(contentHash ?? '');
  const unknown = rows.filter((row) => !isKnown(row));
  const claimed = new Set([...known.hashes.values(), ...[...twins.values()].map(({ id }) => id)]);
  const isClaimed = (id: string) => claimed.has(id);
  const moved = await findMovedRows(em, { dialect, userId, source, isClaimed, restoresDeleted }, unknown);
  const rowKeys = restoresDeleted ? [] : unknown.flatMap((row) => deletableKeyOf(row) ?? []);
  const deletedKeys = await findDeletedKeys(em, dialect, { userId, source, rowKeys });
  const isDeleted = (row: ReadRow) => deletedKeys.has(deletableKeyOf(row) ?? '');
  const fresh = unknown.flatMap((row) =>
    row.draft.kind === 'transaction' && !isDeleted(row) && !moved.has(row) ? [row.draft.input] : [],
  );
  const rules = appliesRules ? book.rules.rules : [];
  const needsCategories =
    rules.length > 0 || fresh.some(({ categoryId, splits }) => categoryId !== null || splits.length > 0);
  const categories = needsCategories ? treeOf(await listCategories(em, userId)) : new Map();
  const isUsable = (id: string) => (accounts.get(id) ?? categories.get(id))?.archivedAtMs === null;
  // Filed by the same rules, the rows of a file go where the first of them went.
  if (rules.some(({ actions: { categoryId: id = '' } }) => book.usableIds.has(id) && !isUsable(id)))
    throw new AppError(
      'IMPORT_FAULTY',
      'A category that a rule names was archived, merged or removed while the file was read. Try again.',
    );
  const ruled = rules.length > 0 ? await applyRulesToDrafts(book.rules, categories, fresh) : fresh;
  const drafts = new Map(fresh.map((input, index) => [input, ruled[index] ?? input]));
  const named = { accounts, categories };

  return rows.map((row): Judged => {
    const { draft, contentHash } = row;
    const duplicate = (standing: Standing, transactionId: string | null): Judged => ({
      row,
      outcome: 'duplicate',
      standing,
      transactionId,
    });
    if (draft.kind === 'known') return duplicate('same', null);
    if (draft.kind === 'faulty') {
      // What an export of ours has is known by its id, whatever became of the names in it.
      const same = known.byId.get(draft.nameless ?? '');
      if (same) return duplicate('same', same.id);
      return { row, outcome: 'faulty', faults: draft.faults, isStale: false };
    }
    const { input } = draft;
    const { externalId } = input;
    const twin = twins.get(input);
    // The booking of an earlier row of the file is the same: otherwise the row would be at fault.
    if (externalId !== null && !twin && seen.has(externalId)) return duplicate('same', null);
    if (twin) return duplicate(String(twin.booking) === String(bookingOf(input)) ? 'same' : 'differs', twin.id);
    const sameText = known.hashes.get(contentHash ?? '');
    if (sameText !== undefined) return duplicate('same', sameText);
    const movedId = moved.get(row);
    if (typeof movedId === 'string') return duplicate('moved', movedId);
    if (isDeleted(row) || movedId === null) return duplicate('deleted', null);
    try {
      const record = { ...toRecord(drafts.get(input) ?? input, named, { id: idOf(row.row), nowMs }), contentHash };
      requireOpen(record, accounts);
      if (externalId !== null) seen.add(externalId);
      return { row, outcome: 'new', record };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const faults = error.details.map(({ path, message }) => ({ field: fieldOf(path.split('.')), message }));
      const isStale = namesOf(input).some((id) => book.usableIds.has(id) && !isUsable(id));
      return { row, outcome: 'faulty', faults, isStale };
    }
  });
}

/** @throws AppError VALIDATION_FAILED where a row moves money on an account that is archived, which posting would refuse without its line */
function requireOpen(
  { accountId, transfer }: TransactionRecord,
  accounts: ReadonlyMap<string, Pick<AccountRecord, 'archivedAtMs'>>,
): void {
  const isArchived = (id: string | undefined) => id !== undefined && accounts.get(id)?.archivedAtMs !== null;
  if (isArchived(accountId)) throw invalidField('accountId', 'is archived; restore the account first');
  if (isArchived(transfer?.toAccountId))
    throw invalidField('transfer.toAccountId', 'is archived; restore the account first');
}

async function findAllKnown(
  em: SqlEntityManager,
  dialect: Dialect,
  {
    userId,
    source,
    rows,
    inputs,
  }: { userId: string; source: string; rows: readonly ReadRow[]; inputs: readonly TransactionCreate[] },
): Promise<Known> {
  const hashes = rows.flatMap(({ contentHash }) => contentHash ?? []);
  const externalIds = inputs.flatMap((input) => [input.externalId ?? [], bareId(input) ?? []].flat());
  const ids = rows.flatMap(({ draft }) => {
    const id = draft.kind === 'transaction' ? draft.input.externalId : draft.kind === 'faulty' ? draft.nameless : null;
    return id && isOwnId(id) ? [id] : [];
  });
  return {
    hashes: await findHashes(em, dialect, { userId, source, hashes }),
    byExternalId: await findBookings(em, dialect, { userId, source, externalIds }),
    byId: await findBookings(em, dialect, { userId, ids }),
  };
}

/** The transaction of the ledger that has the id of a row: as an import keeps it, as another program may have written it for that account, or as our own. */
function twinOf(input: TransactionCreate, { byExternalId, byId }: Known): Booking | undefined {
  const { externalId, accountId } = input;
  if (externalId === null) return undefined;
  const bare = byExternalId.get(bareId(input) ?? '');
  return byExternalId.get(externalId) ?? byId.get(externalId) ?? (bare?.accountId === accountId ? bare : undefined);
}

/** By what a row is known whose transaction was deleted. Not an id of our own: whoever imports an export of theirs restores what was there. */
function deletableKeyOf({ draft, contentHash }: ReadRow): string | null {
  const externalId = draft.kind === 'transaction' ? draft.input.externalId : null;
  return externalId === null ? contentHash : isOwnId(externalId) ? null : externalId;
}

/** The ids of the accounts and categories that a draft names. */
function namesOf({ accountId, transfer, categoryId, splits }: TransactionCreate): string[] {
  return [accountId, transfer?.toAccountId, categoryId, ...splits.map((split) => split.categoryId)].flatMap(
    (id) => id ?? [],
  );
}

/** How many duplicates there are of each standing. */
export type Standings = Readonly<Record<Standing, number>>;

export const NO_STANDINGS: Standings = { same: 0, differs: 0, moved: 0, deleted: 0, possible: 0 };

export function addStandings(standings: Standings, judged: readonly Judged[]): Standings {
  const sums = { ...standings };
  for (const each of judged) if (each.outcome === 'duplicate') sums[each.standing] += 1;
  return sums;
}

/** What is said of duplicates that the ledger has otherwise, or no more: it stays as it is, since its owner may have edited it, or the bank has corrected what it sent. */
export function standingWarnings({ differs, moved, deleted, possible }: Standings): string[] {
  const warnings: string[] = [];
  if (differs > 0)
    warnings.push(
      `${differs} of the duplicates stand in the ledger with another date, amount or account, and stay as they are there. Where the bank numbers each file anew, import it without its column of ids.`,
    );
  if (moved > 0)
    warnings.push(
      `${moved} of the duplicates were imported for an account whose entries were moved to this one since.`,
    );
  if (deleted > 0)
    warnings.push(
      `${deleted} of the duplicates are of transactions that were deleted, and stay deleted. To have them again, import the file with \`restore_deleted\`.`,
    );
  if (possible > 0)
    warnings.push(
      `${possible} of the duplicates are left out because the ledger may have them by another way, as \`skip_possible_duplicates\` asks.`,
    );
  return warnings;
}
