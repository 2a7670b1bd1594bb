import {
  type AccountCreate,
  type AccountOut,
  type AccountsOut,
  type AccountsQuery,
  type AccountSummaryOut,
  type AccountUpdate,
  type ClearedState,
  formatMoney,
  type MoveEntriesOut,
  NET_WORTH_MONTHS_MAX,
  type NetWorthOut,
  parseMoney,
  type StatementOut,
  type StatementQuery,
} from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, moneyFromSql, readSnapshot, type UnitOfWork } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { AppError, blaming, invalidField } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import {
  type AccountRecord,
  type Change,
  changesSince,
  deleteAccount,
  describeReferences,
  findAccounts,
  findTransactions,
  fromAccountRow,
  hasEntries,
  insertAccount,
  type Ledger,
  listAccounts,
  openLedger,
  post,
  type References,
  type TransactionRecord,
  UNMARKED,
  updateAccount,
} from '../ledger/index.ts';
import { convertTotals, loadRateBook, type RateBook } from '../rates/index.ts';
import type { AccountsApi } from './accounts.port.ts';
import {
  balanceAfter,
  type EntryPlace,
  selectAccounts,
  selectEntries,
  selectMonthlyMoves,
  selectTransactionIdsOf,
} from './accounts.repository.ts';
import { countMonths, lastDayOf, netWorthByMonth, summarize } from './accounts.rules.ts';
import { toAccountOut } from './accounts.wire.ts';

/** Transactions that one call of moveEntries moves at the most: they move in one transaction. */
const MOVED_TRANSACTIONS_MAX = 20_000;
const MOVED_AT_A_TIME = 500;

/** Accounts: what they are, what is on them, and what was on them when. */
export class AccountsService implements AccountsApi {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #references: readonly References[];

  constructor({
    database,
    clock,
    references,
  }: {
    database: Database;
    clock: Clock;
    references: readonly References[];
  }) {
    this.#database = database;
    this.#clock = clock;
    this.#references = references;
  }

  list(userId: string, query: AccountsQuery): Promise<AccountsOut> {
    return this.#read(userId, (reading) => this.#listIn(reading, query));
  }

  async #listIn(reading: Reading, query: AccountsQuery): Promise<AccountsOut> {
    const { updatedSince } = query;
    if (updatedSince !== undefined) {
      refuseFiltersBeside(query);
      const changed = await changesSince(reading, 'account', { ...query, updatedSince });
      const accounts = changed.rows.map((row) => fromAccountRow(reading.dialect, row));
      return {
        items: await this.#describe(reading, accounts),
        deleted: changed.deleted,
        nextCursor: changed.nextCursor,
      };
    }
    const [afterId] = decodeCursor(query.cursor, ['string']);
    const accounts = await selectAccounts(reading, query, afterId);
    const page = accounts.slice(0, query.limit);
    return {
      items: await this.#describe(reading, page),
      deleted: [],
      nextCursor: accounts.length > query.limit ? encodeCursor([page.at(-1)?.id ?? '']) : null,
    };
  }

  get(userId: string, id: string): Promise<AccountOut> {
    return this.#read(userId, async (reading) =>
      this.#describeOne(reading.em, userId, await requireAccount(reading.em, reading, id)),
    );
  }

  async create(commit: UnitOfWork, userId: string, input: AccountCreate): Promise<AccountOut> {
    return commit(async (em) => {
      const ledger = await this.#open(em, userId);
      const account: AccountRecord = {
        id: newId('acc'),
        name: input.name,
        type: input.type,
        currency: input.currency,
        balance: 0n,
        creditLimit: creditLimitOf(input.type, input.creditLimit),
        openingTransactionId: null,
        icon: input.icon,
        color: input.color,
        note: input.note,
        isHidden: input.isHidden,
        archivedAtMs: null,
        createdAtMs: ledger.changedAtMs,
        updatedAtMs: ledger.changedAtMs,
      };
      await insertAccount(em, ledger, account);
      const opening = { amount: parseMoney(input.openingBalance), openedOn: input.openedOn ?? this.#today() };
      const opened = await setOpening(em, ledger, account, { before: null, ...opening });
      return this.#describeOne(em, userId, opened);
    });
  }

  async update(commit: UnitOfWork, userId: string, input: AccountUpdate): Promise<AccountOut> {
    return commit(async (em) => {
      const ledger = await this.#open(em, userId);
      const account = await requireAccount(em, ledger, input.id);
      const { creditLimit, openingBalance, openedOn, id: _id, ...changes } = input;
      const before = await findOpening(em, ledger, account);
      const changed: AccountRecord = {
        ...account,
        ...definedOf(changes),
        creditLimit: creditLimit === undefined ? account.creditLimit : creditLimitOf(account.type, creditLimit),
        updatedAtMs: ledger.changedAtMs,
      };
      await updateAccount(em, ledger, changed);
      if (openingBalance === undefined && openedOn === undefined) return this.#describeOne(em, userId, changed);
      const opening = {
        amount: openingBalance === undefined ? (before?.amount ?? 0n) : parseMoney(openingBalance),
        openedOn: openedOn ?? before?.occurredOn ?? this.#today(),
      };
      return this.#describeOne(em, userId, await setOpening(em, ledger, changed, { before, ...opening }));
    });
  }

  async setArchived(
    commit: UnitOfWork,
    userId: string,
    input: { id: string; isArchived: boolean },
  ): Promise<AccountOut> {
    return commit(async (em) => {
      const ledger = await this.#open(em, userId);
      const account = await requireAccount(em, ledger, input.id);
      const isArchived = account.archivedAtMs !== null;
      if (isArchived === input.isArchived) return this.#describeOne(em, userId, account);
      const archivedAtMs = input.isArchived ? ledger.changedAtMs : null;
      const changed = { ...account, archivedAtMs, updatedAtMs: ledger.changedAtMs };
      await updateAccount(em, ledger, changed);
      return this.#describeOne(em, userId, changed);
    });
  }

  async remove(commit: UnitOfWork, userId: string, id: string): Promise<void> {
    await commit(async (em) => {
      const ledger = await this.#open(em, userId);
      await requireAccount(em, ledger, id);
      if (await hasEntries(em, userId, id)) {
        throw new AppError('ACCOUNT_NOT_EMPTY', 'The account has entries: archive it, or move them to another first.');
      }
      const named = await describeReferences(this.#references, (each) => each.countAccount(em, userId, id));
      if (named !== '')
        throw new AppError('ACCOUNT_NOT_EMPTY', `The account is named by ${named}: change or delete those first.`);
      await deleteAccount(em, ledger, id);
      return {};
    });
  }

  async moveEntries(
    commit: UnitOfWork,
    userId: string,
    { id, toAccountId }: { id: string; toAccountId: string },
  ): Promise<MoveEntriesOut> {
    return commit(async (em) => {
      const ledger = await this.#open(em, userId);
      const from = await requireAccount(em, ledger, id);
      const to = (await findAccounts(em, ledger.dialect, userId, [toAccountId])).get(toAccountId);
      if (!to) throw invalidField('toAccountId', 'is no account');
      if (to.id === from.id) throw invalidField('toAccountId', 'must be another account');
      if (to.currency !== from.currency)
        throw invalidField('toAccountId', `must have the same currency, ${from.currency}`);
      const moved = await this.#moveAll(em, ledger, from, to);
      const [left, joined] = await Promise.all([
        requireAccount(em, ledger, from.id),
        requireAccount(em, ledger, to.id),
      ]);
      return {
        movedEntries: moved,
        from: await this.#describeOne(em, userId, left),
        to: await this.#describeOne(em, userId, joined),
      };
    });
  }

  async summary(userId: string, currency?: string): Promise<AccountSummaryOut> {
    const accounts = await listAccounts(this.#database.em(), this.#database.dialect, userId);
    const summary = summarize(accounts.filter(({ archivedAtMs, balance }) => archivedAtMs === null || balance !== 0n));
    if (currency === undefined) return summary;
    const date = this.#today();
    const book = await this.#rateBook(userId, { currency, totals: summary.totals, from: date, to: date });
    return { ...summary, converted: convertTotals(book, summary.totals, { currency, date }) };
  }

  async netWorth(
    userId: string,
    { from, to, currency }: { from: string; to: string; currency?: string | undefined },
  ): Promise<NetWorthOut> {
    const months = countMonths(from, to);
    if (months < 1) throw invalidField('to', 'must not lie before from');
    if (months > NET_WORTH_MONTHS_MAX)
      throw invalidField('to', `must be at most ${NET_WORTH_MONTHS_MAX} months after from`);
    const { points } = netWorthByMonth(
      await selectMonthlyMoves({ em: this.#database.em(), dialect: this.#database.dialect, userId }, to),
      { from, to },
    );
    if (currency === undefined) return { points };
    // The month that has not ended yet goes by today's rates.
    const dateOf = (month: string) => [lastDayOf(month), this.#today()].toSorted()[0] as string;
    const book = await this.#rateBook(userId, {
      currency,
      totals: points.flatMap(({ totals }) => totals),
      from: dateOf(from),
      to: dateOf(to),
    });
    return {
      points: points.map((point) => ({
        ...point,
        converted: convertTotals(book, point.totals, { currency, date: dateOf(point.month) }),
      })),
    };
  }

  statement(userId: string, query: StatementQuery): Promise<StatementOut> {
    return this.#read(userId, (reading) => this.#statementIn(reading, query));
  }

  async #statementIn(reading: Reading, query: StatementQuery): Promise<StatementOut> {
    await requireAccount(reading.em, reading, query.id);
    const [occurredOn, transactionId, line] = decodeCursor(query.cursor, ['string', 'string', 'number']);
    const before =
      occurredOn === undefined || transactionId === undefined || line === undefined
        ? undefined
        : { occurredOn, transactionId, line };
    const rows = await selectEntries(reading, query, before);
    const [first] = rows;
    let balance = first ? await balanceAfter(reading, query.id, placeOf(first)) : 0n;
    const items = rows.slice(0, query.limit).map((row) => {
      const amount = moneyFromSql(reading.dialect, row['amount']);
      const item = {
        transactionId: row['transaction_id'] as string,
        kind: row['kind'] as StatementOut['items'][number]['kind'],
        occurredOn: row['occurred_on'] as string,
        description: row['description'] as string,
        payee: row['payee'] as string,
        categoryId: row['category_id'] as string | null,
        note: row['note'] as string,
        cleared: (row['cleared'] as ClearedState | null) ?? 'uncleared',
        amount: formatMoney(amount),
        balance: formatMoney(balance),
      };
      balance -= amount;
      return item;
    });
    const last = rows[query.limit - 1];
    const place = last && placeOf(last);
    return {
      items,
      nextCursor:
        rows.length > query.limit && place ? encodeCursor([place.occurredOn, place.transactionId, place.line]) : null,
    };
  }

  #rateBook(
    userId: string,
    wanted: { currency: string; totals: AccountSummaryOut['totals']; from: string; to: string },
  ): Promise<RateBook> {
    const { currency, totals, from, to } = wanted;
    const currencies = [currency, ...totals.map((total) => total.currency)];
    return loadRateBook(this.#database.em(), { userId, currencies, from, to });
  }

  /** Several reads as of one moment. */
  #read<Result>(userId: string, work: (reading: Reading) => Promise<Result>): Promise<Result> {
    return readSnapshot(this.#database, (em) => work({ em, dialect: this.#database.dialect, userId }));
  }

  #open(em: SqlEntityManager, userId: string): Promise<Ledger> {
    return openLedger(em, this.#database.dialect, { userId, nowMs: this.#clock.now() });
  }

  #today(): string {
    return new Date(this.#clock.now()).toISOString().slice(0, 10);
  }

  /** Posts everything at once: what is in between, on neither account, must not be refused for a limit. Answers the number of entries. */
  async #moveAll(em: SqlEntityManager, ledger: Ledger, from: AccountRecord, to: AccountRecord): Promise<number> {
    const changes: Change[] = [];
    const others = new Set([from.id, to.id]);
    let movedEntries = 0;
    for (let afterId: string | undefined = ''; afterId !== undefined;) {
      const page = { afterId, limit: MOVED_AT_A_TIME };
      const ids = await selectTransactionIdsOf({ em, dialect: ledger.dialect, userId: ledger.userId }, from.id, page);
      afterId = ids.at(-1);
      if (changes.length + ids.length > MOVED_TRANSACTIONS_MAX) {
        throw new AppError(
          'CONFLICT',
          `More than ${MOVED_TRANSACTIONS_MAX} transactions are too many to move at once.`,
        );
      }
      for (const before of (await findTransactions(em, ledger.dialect, ledger.userId, ids)).values()) {
        changes.push({ before, after: redirect(before, from, to, ledger) });
        movedEntries += before.transfer ? 1 : Math.max(1, before.splits.length);
        if (before.transfer) others.add(before.accountId).add(before.transfer.toAccountId);
      }
    }
    const accounts = await findAccounts(em, ledger.dialect, ledger.userId, [...others]);
    await blaming('toAccountId', () => post(em, ledger, changes, accounts));
    return movedEntries;
  }

  async #describeOne(em: SqlEntityManager, userId: string, account: AccountRecord): Promise<AccountOut> {
    return toAccountOut(
      account,
      (await findOpening(em, { dialect: this.#database.dialect, userId }, account)) ?? undefined,
    );
  }

  async #describe({ em, dialect, userId }: Reading, accounts: readonly AccountRecord[]): Promise<AccountOut[]> {
    const ids = accounts.flatMap(({ openingTransactionId }) => openingTransactionId ?? []);
    const openings = await findTransactions(em, dialect, userId, ids);
    return accounts.map((account) => toAccountOut(account, openings.get(account.openingTransactionId ?? '')));
  }
}

type Owner = Pick<Ledger, 'dialect' | 'userId'>;
type Reading = Owner & { em: SqlEntityManager };

/** @throws AppError VALIDATION_FAILED for a filter beside `updatedSince`, which a client that keeps a copy would lose changes by. */
function refuseFiltersBeside({ type, currency }: AccountsQuery): void {
  for (const [name, value] of Object.entries({ type, currency })) {
    if (value !== undefined) throw invalidField(name, 'does not go with updatedSince');
  }
}

async function requireAccount(em: SqlEntityManager, { dialect, userId }: Owner, id: string): Promise<AccountRecord> {
  const account = (await findAccounts(em, dialect, userId, [id])).get(id);
  if (!account) throw new AppError('NOT_FOUND', 'There is no such account.');
  return account;
}

async function findOpening(
  em: SqlEntityManager,
  { dialect, userId }: Owner,
  { openingTransactionId: id }: AccountRecord,
): Promise<TransactionRecord | null> {
  if (id === null) return null;
  return (await findTransactions(em, dialect, userId, [id])).get(id) ?? null;
}

/** Makes, changes or removes the transaction of the opening balance. Answers the account as it is then. */
async function setOpening(
  em: SqlEntityManager,
  ledger: Ledger,
  account: AccountRecord,
  { before, amount, openedOn }: { before: TransactionRecord | null; amount: bigint; openedOn: string },
): Promise<AccountRecord> {
  const after = amount === 0n ? null : openingOf(ledger, account, { before, amount, openedOn });
  if (!before && !after) return account;
  const accounts = new Map([[account.id, account]]);
  const moved = await blaming('openingBalance', () => post(em, ledger, [{ before, after }], accounts));
  const opened = { ...(moved[0] ?? account), openingTransactionId: after?.id ?? null };
  if (opened.openingTransactionId !== account.openingTransactionId) await updateAccount(em, ledger, opened);
  return opened;
}

function openingOf(
  ledger: Ledger,
  account: AccountRecord,
  { before, amount, openedOn }: { before: TransactionRecord | null; amount: bigint; openedOn: string },
): TransactionRecord {
  return {
    id: before?.id ?? newId('txn'),
    kind: 'opening',
    accountId: account.id,
    amount,
    currency: account.currency,
    occurredOn: openedOn,
    description: 'Opening balance',
    payee: '',
    note: '',
    categoryId: null,
    tags: [],
    splits: [],
    transfer: null,
    attachments: [],
    source: 'opening',
    externalId: null,
    contentHash: null,
    marks: UNMARKED,
    createdAtMs: before?.createdAtMs ?? ledger.changedAtMs,
    updatedAtMs: ledger.changedAtMs,
  };
}

/** The same transaction on another account. @throws AppError CONFLICT for a transfer between the two, which would lead to itself. */
function redirect(
  record: TransactionRecord,
  from: AccountRecord,
  to: AccountRecord,
  ledger: Ledger,
): TransactionRecord {
  const instead = (id: string) => (id === from.id ? to.id : id);
  const { transfer } = record;
  const accountId = instead(record.accountId);
  const toAccountId = transfer && instead(transfer.toAccountId);
  if (accountId === toAccountId) {
    throw new AppError(
      'CONFLICT',
      `The transfer ${record.id} goes from one of the two accounts to the other; delete it first.`,
    );
  }
  if (record.kind === 'opening') {
    throw new AppError(
      'CONFLICT',
      'The account has an opening balance; set it to zero first, and add it to the other.',
    );
  }
  return {
    ...record,
    accountId,
    transfer: transfer && { ...transfer, toAccountId: toAccountId ?? to.id },
    updatedAtMs: ledger.changedAtMs,
  };
}

/** @throws AppError VALIDATION_FAILED for a limit on what is no credit. */
function creditLimitOf(type: AccountRecord['type'], limit: string | null): bigint | null {
  if (limit === null) return null;
  if (type !== 'credit') throw invalidField('creditLimit', 'goes with type credit alone');
  return parseMoney(limit);
}

function placeOf(row: Record<string, unknown>): EntryPlace {
  return {
    occurredOn: row['occurred_on'] as string,
    transactionId: row['transaction_id'] as string,
    line: Number(row['line']),
  };
}

/** What was given of an update. */
function definedOf<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
