import {
  divideHalfEven,
  formatMoney,
  formatScaled,
  parseMoney,
  type TransactionCreate,
  type TransactionOut,
  type TransactionUpdate,
} from '@finverse/shared';
import { toInstant } from '../../kernel/clock.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import type { AccountRecord, CategoryRecord, Split, TransactionRecord, Units } from '../ledger/index.ts';

/** Digits after the point of a rate. */
const RATE_SCALE = 12;
const RATE_UNIT = 10n ** BigInt(RATE_SCALE);

/** What a transaction names, as far as it exists. */
export type Named = {
  accounts: ReadonlyMap<string, AccountRecord>;
  categories: ReadonlyMap<string, CategoryRecord>;
};

/** What an input says of money. */
type Money = Pick<
  TransactionCreate,
  'kind' | 'accountId' | 'amount' | 'currency' | 'categoryId' | 'splits' | 'transfer'
>;

/**
 * The transaction that an input describes.
 *
 * @throws AppError VALIDATION_FAILED naming what does not go together
 */
export function toRecord(
  input: TransactionCreate,
  named: Named,
  { id, nowMs }: { id: string; nowMs: number },
): TransactionRecord {
  const { description, payee, note, tags, attachments, occurredOn, source, externalId } = input;
  return {
    ...checkMoney(input, named),
    id,
    occurredOn,
    description,
    payee,
    note,
    tags,
    attachments,
    source,
    externalId,
    contentHash: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

/**
 * The transaction as it is after an edit: what was left out stays, unless it cannot go with what was given. A new kind takes category, splits and transfer
 * of the old one away where they are of the other kind; a new amount the splits.
 *
 * @throws AppError VALIDATION_FAILED naming what does not go together
 */
export function edit(
  before: TransactionRecord,
  changes: TransactionUpdate,
  named: Named,
  nowMs: number,
): TransactionRecord {
  if (before.kind === 'opening') {
    throw new AppError('CONFLICT', 'An opening balance is changed through its account.');
  }
  const kind = changes.kind ?? before.kind;
  const isTransfer = kind === 'transfer';
  const splits = changes.splits ?? (isTransfer || changes.categoryId ? [] : before.splits.map(toSplitInput));
  const money: Money = {
    kind,
    accountId: changes.accountId ?? before.accountId,
    amount: changes.amount ?? formatMoney(before.amount),
    currency: changes.currency,
    categoryId:
      changes.categoryId !== undefined
        ? changes.categoryId
        : isTransfer || splits.length > 0
          ? null
          : before.categoryId,
    splits,
    transfer:
      changes.transfer !== undefined ? changes.transfer : isTransfer ? keptTransfer(before, changes, named) : null,
  };
  return {
    ...before,
    ...checkMoney(money, named),
    occurredOn: changes.occurredOn ?? before.occurredOn,
    description: changes.description ?? before.description,
    payee: changes.payee ?? before.payee,
    note: changes.note ?? before.note,
    tags: changes.tags ?? before.tags,
    attachments: changes.attachments ?? before.attachments,
    updatedAtMs: nowMs,
  };
}

/** Where a transfer went that is edited without saying so. A new amount or account moves what arrives by the same rate; within a currency they are equal. */
function keptTransfer(before: TransactionRecord, changes: TransactionUpdate, { accounts }: Named): Money['transfer'] {
  const { transfer } = before;
  if (!transfer) return null;
  const { toAccountId } = transfer;
  const currency = accounts.get(changes.accountId ?? before.accountId)?.currency;
  if (currency === transfer.toCurrency) return { toAccountId };
  if (changes.amount === undefined || currency !== before.currency) {
    return { toAccountId, toAmount: formatMoney(transfer.toAmount) };
  }
  return { toAccountId, rate: transfer.rate ?? rateText(before.amount, transfer.toAmount) };
}

type CheckedMoney = Pick<
  TransactionRecord,
  'kind' | 'accountId' | 'amount' | 'currency' | 'categoryId' | 'splits' | 'transfer'
>;

function checkMoney(input: Money, named: Named): CheckedMoney {
  const { kind, accountId, categoryId } = input;
  const account = named.accounts.get(accountId);
  if (!account) throw invalidField('accountId', 'is no account');
  const { currency } = account;
  if (input.currency !== undefined && input.currency !== currency) {
    throw invalidField('currency', `must be ${currency}, the account's`);
  }
  const amount = parseMoney(input.amount);
  const own = { kind, accountId, amount, currency };
  if (kind === 'transfer') {
    if (categoryId !== null) throw invalidField('categoryId', 'does not go with a transfer');
    if (input.splits.length > 0) throw invalidField('splits', 'do not go with a transfer');
    return { ...own, categoryId: null, splits: [], transfer: checkTransfer(input, account, named) };
  }
  if (input.transfer !== null) throw invalidField('transfer', `does not go with ${kind}`);
  if (input.splits.length > 0 && categoryId !== null) throw invalidField('categoryId', 'stands in the splits');
  checkCategory(named, categoryId, { kind, path: 'categoryId' });
  const splits = input.splits.map((split, index): Split => {
    checkCategory(named, split.categoryId, { kind, path: `splits.${index}.categoryId` });
    return { ...split, amount: parseMoney(split.amount) };
  });
  const sum = splits.reduce((total, split) => total + split.amount, 0n);
  if (splits.length > 0 && sum !== amount) {
    throw invalidField('splits', `must sum up to the amount, ${formatMoney(amount)}; they are ${formatMoney(sum)}`);
  }
  return { ...own, categoryId, splits, transfer: null };
}

function checkCategory(
  { categories }: Named,
  id: string | null,
  { kind, path }: { kind: 'income' | 'expense'; path: string },
): void {
  if (id === null) return;
  const category = categories.get(id);
  if (!category) throw invalidField(path, 'is no category');
  if (category.archivedAtMs !== null) throw invalidField(path, 'is archived');
  if (category.kind !== 'both' && category.kind !== kind) throw invalidField(path, `is for ${category.kind} alone`);
}

function checkTransfer(input: Money, from: AccountRecord, { accounts }: Named): TransactionRecord['transfer'] {
  const { transfer } = input;
  if (transfer === null) throw invalidField('transfer', 'is needed: where the money goes');
  const to = accounts.get(transfer.toAccountId);
  if (!to) throw invalidField('transfer.toAccountId', 'is no account');
  if (to.id === from.id) throw invalidField('transfer.toAccountId', 'must be another account');
  const amount = parseMoney(input.amount);
  const toAmount = transfer.toAmount === undefined ? null : parseMoney(transfer.toAmount);
  const common = { toAccountId: to.id, toCurrency: to.currency };
  if (to.currency === from.currency) {
    if (transfer.rate !== undefined)
      throw invalidField('transfer.rate', 'does not go with a transfer within a currency');
    if (toAmount !== null && toAmount !== amount) {
      throw invalidField('transfer.toAmount', 'must be the amount: the currency is the same');
    }
    return { ...common, toAmount: amount, rate: null };
  }
  if (transfer.rate === undefined) {
    if (toAmount === null) {
      throw invalidField('transfer.toAmount', `is needed, or a rate: ${from.currency} goes to ${to.currency}`);
    }
    return { ...common, toAmount, rate: null };
  }
  const converted = convert(amount, transfer.rate);
  if (toAmount !== null && toAmount !== converted) {
    throw invalidField('transfer.toAmount', `must be ${formatMoney(converted)} by that rate; leave one of them out`);
  }
  if (converted <= 0n) throw invalidField('transfer.rate', 'would let nothing arrive');
  requireMoney(converted, 'transfer.rate');
  return { ...common, toAmount: converted, rate: transfer.rate };
}

function requireMoney(units: Units, path: string): void {
  try {
    parseMoney(formatMoney(units));
  } catch (error) {
    throw new AppError('VALIDATION_FAILED', 'The input was refused; see details.', {
      details: [{ path, message: 'would let more arrive than an amount can be' }],
      cause: error,
    });
  }
}

/** An amount by a rate of up to twelve digits after the point, rounded half to even to eight. */
export function convert(amount: Units, rate: string): Units {
  const [whole = '0', fraction = ''] = rate.split('.');
  return divideHalfEven(amount * BigInt(whole + fraction.padEnd(RATE_SCALE, '0')), RATE_UNIT);
}

/** What one unit of the first became in the second, to twelve digits, half to even. */
function rateText(amount: Units, toAmount: Units): string {
  return formatScaled(divideHalfEven(toAmount * RATE_UNIT, amount), RATE_SCALE);
}

function toSplitInput({ amount, categoryId, note }: Split): TransactionCreate['splits'][number] {
  return { amount: formatMoney(amount), categoryId, note };
}

/** The ids of accounts that an input names. */
export function accountsNamedBy(input: Partial<Pick<Money, 'accountId' | 'transfer'>>): string[] {
  return [input.accountId, input.transfer?.toAccountId].filter((id) => id !== undefined);
}

/** The ids of accounts that a transaction is on. */
export function accountsOf({ accountId, transfer }: TransactionRecord): string[] {
  return transfer ? [accountId, transfer.toAccountId] : [accountId];
}

export function toTransactionOut(record: TransactionRecord): TransactionOut {
  const { transfer } = record;
  return {
    id: record.id,
    kind: record.kind,
    accountId: record.accountId,
    amount: formatMoney(record.amount),
    currency: record.currency,
    occurredOn: record.occurredOn,
    description: record.description,
    payee: record.payee,
    note: record.note,
    categoryId: record.categoryId,
    tags: [...record.tags],
    splits: record.splits.map(toSplitInput),
    transfer: transfer && {
      toAccountId: transfer.toAccountId,
      toAmount: formatMoney(transfer.toAmount),
      toCurrency: transfer.toCurrency,
      rate: transfer.rate ?? rateText(record.amount, transfer.toAmount),
    },
    attachments: [...record.attachments],
    source: record.source,
    externalId: record.externalId,
    createdAt: toInstant(record.createdAtMs),
    updatedAt: toInstant(record.updatedAtMs),
  };
}
