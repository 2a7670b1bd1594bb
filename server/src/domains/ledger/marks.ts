import type { ClearedState } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { inList } from '../../db/index.ts';
import { AppError } from '../../kernel/errors.ts';
import { movedAccounts } from './ledger.rules.ts';
import type { AccountRecord, Change, Ledger, Mark, Marks, TransactionRecord } from './ledger.types.ts';

/** Ids in one statement. */
const IDS_PER_STATEMENT = 500;

/** What a new transaction has. */
export const UNMARKED: Marks = { own: null, to: null };

/** A transaction on one of its accounts. */
type Side = { accountId: string; mark: Mark | null };

/** The transaction on each account that it is on: one, or of a transfer two. A split is one, whatever its parts: so the bank shows it. */
export function sidesOf({ accountId, transfer, marks }: TransactionRecord): Side[] {
  const own = { accountId, mark: marks.own };
  return transfer ? [own, { accountId: transfer.toAccountId, mark: marks.to }] : [own];
}

export function clearedStateOf(mark: Mark | null): ClearedState {
  return mark?.state ?? 'uncleared';
}

/**
 * The change with the marks that its transaction has afterwards, whatever the caller put there: a mark stays where kind, date and amount on its account stay.
 * Where they do not, a mark of an open reconciliation falls, since what was compared with the statement is no more; one of a finished reconciliation refuses.
 *
 * @throws AppError ENTRY_RECONCILED where a reconciled entry would change or go
 */
export function settleMarks(change: Change, accounts: ReadonlyMap<string, AccountRecord>): Change {
  const { before, after } = change;
  if (!before && after?.marks === UNMARKED) return change;
  const marked = (before ? sidesOf(before) : []).filter(isMarked);
  const moved = new Set(marked.length > 0 ? movedAccounts(change) : []);
  const kept = new Map<string, Mark>();
  for (const { accountId, mark } of marked) {
    if (after && after.kind === before?.kind && !moved.has(accountId)) kept.set(accountId, mark);
    else if (mark.state === 'reconciled') throw reconciled(accounts.get(accountId)?.name ?? accountId, mark);
  }
  if (!after) return change;
  const to = after.transfer && kept.get(after.transfer.toAccountId);
  return { before, after: { ...after, marks: { own: kept.get(after.accountId) ?? null, to: to ?? null } } };
}

function isMarked(side: Side): side is Side & { mark: Mark } {
  return side.mark !== null;
}

function reconciled(name: string, { reconciliationId }: Mark): AppError {
  return new AppError(
    'ENTRY_RECONCILED',
    `The entry on “${name}” is reconciled with a statement: amount, date, account and kind stay, and it is not deleted.`,
    { details: [{ path: 'id', message: `is locked by ${reconciliationId}; reopen that reconciliation first` }] },
  );
}

/** Which transactions are to be marked: `ownIds` on their account, `toIds` on the account that they transfer to. */
export type MarkedIds = { ownIds: readonly string[]; toIds: readonly string[] };

/**
 * Writes marks, and takes them away with null: together with `post`, which keeps them, the only way to do so. The transactions count as changed. Inside the
 * caller's transaction, with the ledger held.
 */
export async function writeMarks(
  em: SqlEntityManager,
  { dialect, userId, changedAtMs }: Ledger,
  { ownIds, toIds }: MarkedIds,
  mark: Mark | null,
): Promise<void> {
  for (const [ids, prefix] of [[ownIds, ''] as const, [toIds, 'to_'] as const]) {
    for (let start = 0; start < ids.length; start += IDS_PER_STATEMENT) {
      const list = inList(dialect, ids.slice(start, start + IDS_PER_STATEMENT));
      await em.execute(
        `update transactions set ${prefix}cleared_state = ?, ${prefix}reconciliation_id = ?, updated_at = ?
         where user_id = ? and id in (${list.sql})`,
        [mark?.state ?? null, mark?.reconciliationId ?? null, changedAtMs, userId, ...list.values],
        'run',
      );
    }
  }
}
