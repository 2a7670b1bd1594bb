import { setImmediate } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { inList, insertRows, moneyToSql, runSql } from '../../db/index.ts';
import { AppError, invariant } from '../../kernel/errors.ts';
import { buryAll, findAccounts, type Grave } from './account-store.ts';
import {
  ENTRY_COLUMNS,
  toEntryRows,
  toTransactionRow,
  TRANSACTION_COLUMNS,
  TRANSACTION_MUTABLE_COLUMNS,
} from './ledger.rows.ts';
import { deltasOf, entriesOf, isSameBooking, movedAccounts, sumOfDeltas } from './ledger.rules.ts';
import { addToSums, requireStorable } from './ledger.sums.ts';
import { settleMarks } from './marks.ts';
import type { AccountRecord, Change, TransactionRecord, Units, Ledger } from './ledger.types.ts';

/** Ids in one statement. */
const IDS_PER_STATEMENT = 500;

/** Changes that are checked, and transactions that are rewritten, before others have their turn: on SQLite all of it is this process's own work. */
const CHECKED_PER_TURN = 2_000;
const REWRITTEN_PER_TURN = 100;

/**
 * What is checked. `edit`: everything. `import`: no credit limit, since a file need not be in an order in which every step keeps it; the import checks it at its
 * end. What it has added is taken away by {@link withdraw}.
 */
export type PostMode = 'edit' | 'import';

/**
 * Writes transactions that come, go or change, and with them entries, tags, balances, account months, monthly totals and tombstones: the only way to move
 * money. Inside the caller's transaction, with the ledger held; `accounts` are all those that the transactions name, as they are now.
 *
 * @returns the accounts whose balance has changed, as they are afterwards
 * @throws AppError ACCOUNT_ARCHIVED, CREDIT_LIMIT_EXCEEDED, ENTRY_RECONCILED; VALIDATION_FAILED where a sum grows too large
 */
export async function post(
  em: SqlEntityManager,
  ledger: Ledger,
  wanted: readonly Change[],
  accounts: ReadonlyMap<string, AccountRecord>,
  mode: PostMode = 'edit',
): Promise<AccountRecord[]> {
  const changes: Change[] = [];
  let deltas = deltasOf([]);
  for (let start = 0; start < wanted.length; start += CHECKED_PER_TURN) {
    if (start > 0) await setImmediate();
    const some = wanted.slice(start, start + CHECKED_PER_TURN);
    requireConsistent(some, accounts);
    const settled = some.map((change) => settleMarks(change, accounts));
    for (const change of settled) requireMovable(change, accounts);
    deltas = sumOfDeltas(deltas, deltasOf(settled));
    changes.push(...settled);
  }
  const moved = [...deltas.balances].map(([id, amount]) => withBalance(accounts, ledger, { id, amount, mode }));
  await writeTransactions(em, ledger, changes);
  await buryAll(em, ledger, 'transaction', removed(changes).map(graveOf));
  await writeEntries(em, ledger, changes);
  await writeTags(em, ledger, changes);
  await addToSums(em, ledger, deltas);
  await writeBalances(em, ledger, moved);
  return moved;
}

/**
 * Takes transactions away that an import has made, on archived accounts too and whatever a credit limit says, since that state has been before. They come in
 * pieces, each deleted before the next is asked for; balances and sums are written once, at the end, so that only what is then left must be storable. In flat
 * memory, inside the caller's transaction, with the ledger held.
 *
 * @throws AppError ENTRY_RECONCILED; VALIDATION_FAILED where a sum grows too large
 */
export async function withdraw(
  em: SqlEntityManager,
  ledger: Ledger,
  pieces: AsyncIterable<readonly TransactionRecord[]>,
): Promise<void> {
  let deltas = deltasOf([]);
  for await (const records of pieces) {
    const changes = records.map((before) => settleMarks({ before, after: null }, new Map()));
    await writeTransactions(em, ledger, changes);
    // Without their origin: what is taken back may be imported again.
    const graves = records.map(({ id }) => ({ id }));
    await buryAll(em, ledger, 'transaction', graves);
    deltas = sumOfDeltas(deltas, deltasOf(changes));
  }
  const accounts = await findAccounts(em, ledger.dialect, ledger.userId, [...deltas.balances.keys()]);
  const moved = [...deltas.balances].map(([id, amount]) =>
    withBalance(accounts, ledger, { id, amount, mode: 'import' }),
  );
  await addToSums(em, ledger, deltas);
  await writeBalances(em, ledger, moved);
}

async function writeBalances(em: SqlEntityManager, ledger: Ledger, moved: readonly AccountRecord[]): Promise<void> {
  for (const { id, balance } of moved.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    await runSql(em, 'update accounts set balance = ?, updated_at = ? where id = ? and user_id = ?', [
      moneyToSql(ledger.dialect, balance),
      ledger.changedAtMs,
      id,
      ledger.userId,
    ]);
  }
}

/** What the callers have checked already; a mistake here would be a figure that is silently wrong. */
function requireConsistent(changes: readonly Change[], accounts: ReadonlyMap<string, AccountRecord>): void {
  for (const { before, after } of changes) {
    invariant(before === null || after === null || before.id === after.id, 'a change is of one transaction');
    if (!after) continue;
    const { amount, splits, transfer, kind } = after;
    invariant(kind === 'opening' || amount > 0n, 'an amount is positive');
    invariant((kind === 'transfer') === (transfer !== null), 'a transfer, and nothing else, goes somewhere');
    const sum = splits.reduce((total, split) => total + split.amount, 0n);
    invariant(splits.length === 0 || sum === amount, 'splits sum up to their amount');
    invariant(!splits.some((split) => split.amount === 0n), 'no part of a split is nothing');
    for (const entry of entriesOf(after)) {
      invariant(accounts.get(entry.accountId)?.currency === entry.currency, 'an entry has the currency of its account');
    }
  }
}

function accountOf(accounts: ReadonlyMap<string, AccountRecord>, id: string): AccountRecord {
  const account = accounts.get(id);
  invariant(account, 'every account of a change was read');
  return account;
}

/** @throws AppError ACCOUNT_ARCHIVED where a change moves money on an archived account. */
export function requireMovable(change: Change, accounts: ReadonlyMap<string, AccountRecord>): void {
  const closed = movedAccounts(change)
    .map((id) => accountOf(accounts, id))
    .find(({ archivedAtMs }) => archivedAtMs !== null);
  if (!closed) return;
  const { id, name } = closed;
  const { after } = change;
  const path = after?.transfer?.toAccountId === id && after.accountId !== id ? 'transfer.toAccountId' : 'accountId';
  throw new AppError('ACCOUNT_ARCHIVED', `The account “${name}” is archived; its money does not move.`, {
    details: [{ path, message: 'is archived; restore the account first' }],
  });
}

function withBalance(
  accounts: ReadonlyMap<string, AccountRecord>,
  ledger: Ledger,
  { id, amount, mode }: { id: string; amount: Units; mode: PostMode },
): AccountRecord {
  const account = accountOf(accounts, id);
  const balance = account.balance + amount;
  requireStorable(balance, 'the balance of the account');
  // Only what makes a debt larger is refused: one that a lowered limit has left behind can always be paid.
  if (mode === 'edit' && account.creditLimit !== null && amount < 0n && balance < -account.creditLimit) {
    throw new AppError('CREDIT_LIMIT_EXCEEDED', `The credit limit of “${account.name}” does not reach.`, {
      details: [{ path: 'amount', message: 'would take the balance below the credit limit' }],
    });
  }
  return { ...account, balance, updatedAtMs: ledger.changedAtMs };
}

function created(changes: readonly Change[]): TransactionRecord[] {
  return changes.flatMap(({ before, after }) => (after && !before ? [after] : []));
}

function removed(changes: readonly Change[]): TransactionRecord[] {
  return changes.flatMap(({ before, after }) => (before && !after ? [before] : []));
}

/** The next file that has its row does not bring back what a person has deleted. */
function graveOf({ id, source, externalId, contentHash }: TransactionRecord): Grave {
  const rowKey = externalId ?? contentHash;
  return rowKey === null ? { id } : { id, origin: { source, rowKey } };
}

async function writeTransactions(em: SqlEntityManager, ledger: Ledger, changes: readonly Change[]): Promise<void> {
  const { dialect, userId } = ledger;
  // Entries and tags go with their transaction.
  await forEachIds(
    removed(changes).map(({ id }) => id),
    async (ids) => {
      const list = inList(dialect, ids);
      await runSql(em, `delete from transactions where user_id = ? and id in (${list.sql})`, [userId, ...list.values]);
    },
  );
  await insertRows(em, dialect, {
    table: 'transactions',
    columns: TRANSACTION_COLUMNS,
    rows: created(changes)
      .values()
      .map((record) => toTransactionRow(dialect, userId, record)),
  });
  const assignments = TRANSACTION_MUTABLE_COLUMNS.map((column) => `${column} = ?`).join(', ');
  for (const [index, { before, after }] of changes.entries()) {
    if (!before || !after) continue;
    if (index % REWRITTEN_PER_TURN === REWRITTEN_PER_TURN - 1) await setImmediate();
    const values = toTransactionRow(dialect, userId, after).slice(-TRANSACTION_MUTABLE_COLUMNS.length);
    await runSql(em, `update transactions set ${assignments} where id = ? and user_id = ?`, [
      ...values,
      after.id,
      userId,
    ]);
  }
}

async function writeEntries(
  em: SqlEntityManager,
  { dialect, userId }: Ledger,
  changes: readonly Change[],
): Promise<void> {
  const insert = (records: readonly TransactionRecord[]) =>
    insertRows(em, dialect, {
      table: 'entries',
      columns: ENTRY_COLUMNS,
      rows: records.values().flatMap((record) => toEntryRows(dialect, userId, record)),
    });
  await insert(created(changes));
  for (let start = 0; start < changes.length; start += IDS_PER_STATEMENT) {
    const rewritten = changes
      .slice(start, start + IDS_PER_STATEMENT)
      .flatMap(({ before, after }) => (before && after && !isSameBooking(before, after) ? [after] : []));
    if (rewritten.length === 0) continue;
    const list = inList(
      dialect,
      rewritten.map(({ id }) => id),
    );
    await runSql(em, `delete from entries where transaction_id in (${list.sql})`, list.values);
    await insert(rewritten);
    if (start + IDS_PER_STATEMENT < changes.length) await setImmediate();
  }
}

async function writeTags(em: SqlEntityManager, { dialect, userId }: Ledger, changes: readonly Change[]): Promise<void> {
  const tagsOf = (record: TransactionRecord) => JSON.stringify([record.occurredOn, record.tags]);
  const retagged = changes.flatMap(({ before, after }) =>
    before && after && tagsOf(before) !== tagsOf(after) ? [after] : [],
  );
  await forEachIds(
    retagged.map(({ id }) => id),
    async (ids) => {
      const list = inList(dialect, ids);
      await runSql(em, `delete from transaction_tags where transaction_id in (${list.sql})`, list.values);
    },
  );
  await insertRows(em, dialect, {
    table: 'transaction_tags',
    columns: ['transaction_id', 'tag', 'user_id', 'occurred_on'],
    rows: [...created(changes), ...retagged].flatMap(({ id, tags, occurredOn }) =>
      tags.map((tag) => [id, tag, userId, occurredOn]),
    ),
  });
}

async function forEachIds(ids: readonly string[], work: (part: string[]) => Promise<void>): Promise<void> {
  for (let start = 0; start < ids.length; start += IDS_PER_STATEMENT)
    await work(ids.slice(start, start + IDS_PER_STATEMENT));
}
