import {
  ACCOUNTS_MAX,
  type AccountCreate,
  type AccountOut,
  type AccountsOut,
  type AccountsQuery,
  type AccountSummaryOut,
  type AccountUpdate,
  type MoveEntriesOut,
  type NetWorthOut,
  OPENED_ON_ALONE,
  parseMoney,
  type StatementOut,
  type StatementQuery,
} from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, readSnapshot, type UnitOfWork } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import {
  type AccountRecord,
  changesSince,
  countAccounts,
  deleteAccount,
  describeReferences,
  findAccounts,
  findTransactions,
  fromAccountRow,
  hasEntries,
  insertAccount,
  type Ledger,
  openLedger,
  rememberMove,
  type References,
  updateAccount,
} from '../ledger/index.ts';
import { todayOf } from '../users/index.ts';
import { moveAll } from './accounts.move.ts';
import { findOpening, setOpening } from './accounts.opening.ts';
import type { AccountsApi, ConversionQuery } from './accounts.port.ts';
import { type Reading, requireAccount, selectAccounts } from './accounts.repository.ts';
import { readStatement } from './accounts.statement.ts';
import { toAccountOut } from './accounts.wire.ts';
import { AccountWorth } from './accounts.worth.ts';

/** Accounts: what they are, what is on them, and what was on them when. What they are worth together is {@link AccountWorth}'s. */
export class AccountsService implements AccountsApi {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #worth: AccountWorth;
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
    this.#worth = new AccountWorth({ database, clock });
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
    const [afterId] = decodeCursor('accounts', query.cursor, ['string']);
    const accounts = await selectAccounts(reading, query, afterId);
    const page = accounts.slice(0, query.limit);
    return {
      items: await this.#describe(reading, page),
      deleted: [],
      nextCursor: accounts.length > query.limit ? encodeCursor('accounts', [page.at(-1)?.id ?? '']) : null,
    };
  }

  get(userId: string, id: string): Promise<AccountOut> {
    return this.#read(userId, async (reading) =>
      this.#describeOne(reading.em, userId, await requireAccount(reading, id)),
    );
  }

  async create(commit: UnitOfWork, userId: string, input: AccountCreate): Promise<AccountOut> {
    return commit(async (em) => {
      const ledger = await this.#open(em, userId);
      if ((await countAccounts(em, userId)) >= ACCOUNTS_MAX)
        throw new AppError('CONFLICT', `A person has at most ${ACCOUNTS_MAX} accounts.`);
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
      const opening = {
        amount: parseMoney(input.openingBalance),
        openedOn: input.openedOn ?? (await this.#today(em, userId)),
      };
      const opened = await setOpening(em, ledger, account, { before: null, ...opening });
      return this.#describeOne(em, userId, opened);
    });
  }

  async update(commit: UnitOfWork, userId: string, input: AccountUpdate): Promise<AccountOut> {
    return commit(async (em) => {
      const ledger = await this.#open(em, userId);
      const account = await requireAccount({ em, ...ledger }, input.id);
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
        openedOn: openedOn ?? before?.occurredOn ?? (await this.#today(em, userId)),
      };
      if (openedOn !== undefined && opening.amount === 0n) throw invalidField('openedOn', OPENED_ON_ALONE);
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
      const account = await requireAccount({ em, ...ledger }, input.id);
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
      await requireAccount({ em, ...ledger }, id);
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
      const from = await requireAccount({ em, ...ledger }, id);
      const to = (await findAccounts(em, ledger.dialect, userId, [toAccountId])).get(toAccountId);
      if (!to) throw invalidField('toAccountId', 'is no account');
      if (to.id === from.id) throw invalidField('toAccountId', 'must be another account');
      if (to.currency !== from.currency)
        throw invalidField('toAccountId', `must have the same currency, ${from.currency}`);
      const moved = await moveAll(em, ledger, from, to);
      if (moved > 0) await rememberMove(em, ledger, { fromId: from.id, toId: to.id });
      const [left, joined] = await Promise.all([
        requireAccount({ em, ...ledger }, from.id),
        requireAccount({ em, ...ledger }, to.id),
      ]);
      return {
        movedEntries: moved,
        from: await this.#describeOne(em, userId, left),
        to: await this.#describeOne(em, userId, joined),
      };
    });
  }

  summary(userId: string, query: ConversionQuery = {}): Promise<AccountSummaryOut> {
    return this.#worth.summary(userId, query);
  }

  netWorth(userId: string, range: { from: string; to: string } & ConversionQuery): Promise<NetWorthOut> {
    return this.#worth.netWorth(userId, range);
  }

  statement(userId: string, query: StatementQuery): Promise<StatementOut> {
    return this.#read(userId, (reading) => readStatement(reading, query));
  }

  /** Several reads as of one moment. */
  #read<Result>(userId: string, work: (reading: Reading) => Promise<Result>): Promise<Result> {
    return readSnapshot(this.#database, (em) => work({ em, dialect: this.#database.dialect, userId }));
  }

  #open(em: SqlEntityManager, userId: string): Promise<Ledger> {
    return openLedger(em, this.#database.dialect, { userId, nowMs: this.#clock.now() });
  }

  #today(em: SqlEntityManager, userId: string): Promise<string> {
    return todayOf(em, userId, this.#clock.now());
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

/** @throws AppError VALIDATION_FAILED for a filter beside `updatedSince`, which a client that keeps a copy would lose changes by. */
function refuseFiltersBeside({ type, currency }: AccountsQuery): void {
  for (const [name, value] of Object.entries({ type, currency })) {
    if (value !== undefined) throw invalidField(name, 'does not go with a list of changes');
  }
}

/** @throws AppError VALIDATION_FAILED for a limit on what is no credit. */
function creditLimitOf(type: AccountRecord['type'], limit: string | null): bigint | null {
  if (limit === null) return null;
  if (type !== 'credit') throw invalidField('creditLimit', 'goes with type credit alone');
  return parseMoney(limit);
}

/** What was given of an update. */
function definedOf<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
