import {
  formatMoney,
  type MonthlyTotalsOut,
  type MonthlyTotalsQuery,
  type TransactionBulk,
  type TransactionBulkOut,
  type TransactionCreate,
  type TransactionOut,
  type TransactionsOut,
  type TransactionsQuery,
  type TransactionUpdate,
} from '@finverse/shared';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, inList, readSnapshot, type UnitOfWork } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { treeOf, withDescendants } from '../categories/index.ts';
import {
  accountsOf,
  type Change,
  changesSince,
  findAccounts,
  findCategories,
  findTransactions,
  isSplit,
  listCategories,
  openLedger,
  post,
  requireMovable,
  settleMarks,
  type TransactionRecord,
  withSplits,
} from '../ledger/index.ts';
import type { TransactionsApi } from './transactions.port.ts';
import {
  accountsNamedBy,
  categoriesNamedBy,
  edit,
  type Named,
  toRecord,
  toTransactionOut,
} from './transactions.rules.ts';
import type { IdRange } from './transactions.ranges.ts';
import { selectMonthlyTotals } from './transactions.repository.ts';
import { type Place, placeOfCursor, searchAtOnce, searchTransactions } from './transactions.search.ts';

type TransactionsOptions = {
  database: Database;
  clock: Clock;
  /** The ids that an import of the person gives its transactions; null where there is no such import, or none was made. */
  importedIds: (em: SqlEntityManager, userId: string, importId: string) => Promise<IdRange | null>;
  /** How many rows of an index one page of a search looks at, other than usual for tests. */
  scannedMax?: number;
};

/** Transactions: what moves money, and the search through it. */
export class TransactionsService implements TransactionsApi {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #importedIds: TransactionsOptions['importedIds'];
  readonly #scannedMax: number | undefined;

  constructor({ database, clock, importedIds, scannedMax }: TransactionsOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#importedIds = importedIds;
    this.#scannedMax = scannedMax;
  }

  /**
   * A page that one statement reads is as of one moment by itself. What is put together of several is read in a snapshot: changes and what was deleted, the tree
   * of categories and what is filed under it, the steps of a search, transactions and their splits.
   */
  async list(userId: string, query: TransactionsQuery): Promise<TransactionsOut> {
    const { updatedSince, importId } = query;
    if (updatedSince !== undefined) return this.#listChanges(userId, { ...query, updatedSince });
    const em = this.#database.em();
    const { dialect } = this.#database;
    const after = placeOfCursor('transactions', query.cursor);
    const imported = importId === undefined ? undefined : await this.#importedIds(em, userId, importId);
    if (imported === null) return toPageOut([], null);
    const search = { dialect, userId, query, after, imported, scannedMax: this.#scannedMax };
    const page = await searchAtOnce({ ...search, em });
    if (page && !page.rows.some(isSplit)) return toPageOut(await withSplits(em, dialect, page.rows), page.next);
    return readSnapshot(this.#database, async (inside) => {
      const { categoryId } = query;
      const categoryIds =
        categoryId === undefined ? [] : withDescendants(treeOf(await listCategories(inside, userId)), categoryId);
      const { rows, next } = await searchTransactions({ ...search, em: inside, categoryIds });
      return toPageOut(await withSplits(inside, dialect, rows), next);
    });
  }

  #listChanges(userId: string, query: TransactionsQuery & { updatedSince: string }): Promise<TransactionsOut> {
    const { dialect } = this.#database;
    return readSnapshot(this.#database, async (em) => {
      refuseFiltersBeside(query);
      const { rows, ...rest } = await changesSince({ em, dialect, userId }, 'transaction', query);
      return { items: (await withSplits(em, dialect, rows)).map(toTransactionOut), ...rest };
    });
  }

  async monthlyTotals(userId: string, query: MonthlyTotalsQuery): Promise<MonthlyTotalsOut> {
    if (query.from > query.to) throw invalidField('to', 'must not lie before from');
    const after = decodeCursor('monthly totals', query.cursor, ['string', 'string', 'string', 'string']);
    const reading = { em: this.#database.em(), dialect: this.#database.dialect, userId };
    const rows = await selectMonthlyTotals(
      reading,
      query,
      after[0] === undefined ? null : (after as readonly string[]),
    );
    const items = rows.slice(0, query.limit).map(({ total, ...row }) => ({ ...row, total: formatMoney(total) }));
    const last = items.at(-1);
    return {
      items,
      nextCursor:
        rows.length > query.limit && last
          ? encodeCursor('monthly totals', [last.month, last.currency, last.kind, last.categoryId ?? ''])
          : null,
    };
  }

  async get(userId: string, id: string): Promise<TransactionOut> {
    const found = await readSnapshot(this.#database, (em) =>
      findTransactions(em, this.#database.dialect, userId, [id]),
    );
    return toTransactionOut(requireTransaction(found, id));
  }

  async create(commit: UnitOfWork, userId: string, input: TransactionCreate): Promise<TransactionOut> {
    const { created } = await this.#change(commit, userId, { create: [input], update: [], delete: [] }, () => '');
    return created[0] as TransactionOut;
  }

  async update(commit: UnitOfWork, userId: string, input: TransactionUpdate): Promise<TransactionOut> {
    const { updated } = await this.#change(commit, userId, { create: [], update: [input], delete: [] }, () => '');
    return updated[0] as TransactionOut;
  }

  async remove(commit: UnitOfWork, userId: string, id: string): Promise<void> {
    await this.#change(commit, userId, { create: [], update: [], delete: [id] }, () => '');
  }

  bulk(commit: UnitOfWork, userId: string, input: TransactionBulk): Promise<TransactionBulkOut> {
    return this.#change(commit, userId, input, (list, index) => `${list}.${index}`);
  }

  #change(
    commit: UnitOfWork,
    userId: string,
    input: TransactionBulk,
    placeOf: (list: keyof TransactionBulk, index: number) => string,
  ): Promise<TransactionBulkOut> {
    return commit(async (em) => {
      const { dialect } = this.#database;
      const ledger = await openLedger(em, dialect, { userId, nowMs: this.#clock.now() });
      const known = await findTransactions(em, dialect, userId, [...input.update.map(({ id }) => id), ...input.delete]);
      requireEachOnce(input);
      const named = await this.#readNamed(em, userId, input, known);
      const at = <Result>(list: keyof TransactionBulk, index: number, work: () => Result) =>
        atPlace(placeOf(list, index), work);

      const change = (list: keyof TransactionBulk, index: number, work: () => Change) =>
        at(list, index, () => {
          const changed = settleMarks(work(), named.accounts);
          requireMovable(changed, named.accounts);
          return changed;
        });

      const removed = input.delete.map((id, index) =>
        change('delete', index, () => ({ before: requireDeletable(requireTransaction(known, id)), after: null })),
      );
      const edited = input.update.map((changes, index) =>
        change('update', index, () => {
          const before = requireTransaction(known, changes.id);
          return { before, after: edit(before, changes, named, ledger.changedAtMs) };
        }),
      );
      const created = input.create.map((item, index) =>
        change('create', index, () => ({
          before: null,
          after: toRecord(item, named, { id: newId('txn'), nowMs: ledger.changedAtMs }),
        })),
      );
      try {
        await post(em, ledger, [...removed, ...edited, ...created], named.accounts);
      } catch (error) {
        if (!(error instanceof UniqueConstraintViolationException)) throw error;
        const index = await this.#findDuplicate(em, userId, afterOf(created));
        at('create', index, () => throwDuplicate(error));
      }
      return {
        created: afterOf(created).map(toTransactionOut),
        updated: afterOf(edited).map(toTransactionOut),
        deleted: [...input.delete],
      };
    });
  }

  /** Which of the new transactions has the external id of one that is there, or of another before it. */
  async #findDuplicate(em: SqlEntityManager, userId: string, created: readonly TransactionRecord[]): Promise<number> {
    const list = inList(
      this.#database.dialect,
      created.flatMap(({ externalId }) => externalId ?? []),
    );
    const rows = await em.execute<{ id: string; source: string; external_id: string }[]>(
      `select id, source, external_id from transactions where user_id = ? and external_id in (${list.sql})`,
      [userId, ...list.values],
    );
    // Some of the new rows may be in the table already, until all of it is rolled back.
    const own = new Set(created.map(({ id }) => id));
    const taken = new Set(rows.flatMap((row) => (own.has(row.id) ? [] : `${row.source} ${row.external_id}`)));
    return created.findIndex(({ source, externalId }) => {
      const key = `${source} ${externalId}`;
      return externalId !== null && (taken.has(key) || !taken.add(key));
    });
  }

  /** Accounts and categories that the input or the transactions it changes name. */
  async #readNamed(
    em: SqlEntityManager,
    userId: string,
    input: TransactionBulk,
    known: ReadonlyMap<string, TransactionRecord>,
  ): Promise<Named> {
    const accountIds = [
      ...[...known.values()].flatMap(accountsOf),
      ...input.create.flatMap(accountsNamedBy),
      ...input.update.flatMap(({ accountId, transfer }) =>
        accountsNamedBy({ ...(accountId === undefined ? {} : { accountId }), transfer: transfer ?? null }),
      ),
    ];
    const categoryIds = [...known.values(), ...input.create, ...input.update].flatMap(categoriesNamedBy);
    const { dialect } = this.#database;
    return {
      accounts: await findAccounts(em, dialect, userId, accountIds),
      categories: await findCategories(em, dialect, userId, categoryIds),
    };
  }
}

function toPageOut(records: readonly TransactionRecord[], next: Place | null): TransactionsOut {
  return {
    items: records.map(toTransactionOut),
    deleted: [],
    nextCursor: next && encodeCursor('transactions', [next.occurredOn, next.id]),
  };
}

/** @throws AppError VALIDATION_FAILED for a filter beside `updatedSince`, which a client that keeps a copy would lose changes by. */
function refuseFiltersBeside({ limit: _limit, cursor: _cursor, updatedSince: _since, ...filters }: TransactionsQuery) {
  for (const [name, value] of Object.entries(filters)) {
    if (value !== undefined) throw invalidField(name, 'does not go with a list of changes');
  }
}

function requireTransaction(known: ReadonlyMap<string, TransactionRecord>, id: string): TransactionRecord {
  const transaction = known.get(id);
  if (!transaction) throw new AppError('NOT_FOUND', 'There is no such transaction.');
  return transaction;
}

function throwDuplicate(cause: unknown): never {
  throw new AppError('DUPLICATE_EXTERNAL_ID', 'The source has a transaction with this external id already.', {
    details: [{ path: 'externalId', message: 'is that of another transaction of the same source' }],
    cause,
  });
}

function afterOf(changes: readonly Change[]): TransactionRecord[] {
  return changes.flatMap(({ after }) => after ?? []);
}

function requireDeletable(transaction: TransactionRecord): TransactionRecord {
  if (transaction.kind !== 'opening') return transaction;
  throw new AppError('CONFLICT', 'An opening balance is changed through its account.');
}

/** @throws AppError VALIDATION_FAILED where one transaction is to be changed twice: in which order, nothing would say. */
function requireEachOnce({ update, delete: removed }: TransactionBulk): void {
  const seen = new Set<string>();
  const places = [
    ...update.map(({ id }, index) => ({ id, path: `update.${index}.id` })),
    ...removed.map((id, index) => ({ id, path: `delete.${index}` })),
  ];
  for (const { id, path } of places) {
    if (seen.has(id)) {
      throw new AppError('VALIDATION_FAILED', 'The input was refused; see details.', {
        details: [{ path, message: 'is named twice' }],
      });
    }
    seen.add(id);
  }
}

/** Puts the place of an item before the fields that a refusal names. */
function atPlace<Result>(place: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AppError) || place === '') throw error;
    const details =
      error.details.length > 0
        ? error.details.map(({ path, message }) => ({ path: `${place}.${path}`, message }))
        : [{ path: place, message: error.message }];
    throw new AppError(error.code, error.message, { details, cause: error });
  }
}
