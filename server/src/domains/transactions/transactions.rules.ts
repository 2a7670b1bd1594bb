import {
  divideHalfEven,
  formatMoney,
  formatScaled,
  minorDigits,
  MONEY_PRECISION,
  MONEY_SCALE,
  parseMoney,
  type TransactionCreate,
  type TransactionOut,
  type TransactionUpdate,
} from '@finverse/shared';
import { toInstant } from '../../kernel/clock.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import {
  type AccountRecord,
  type CategoryRecord,
  clearedStateOf,
  type Split,
  type TransactionRecord,
  type Units,
  UNMARKED,
} from '../ledger/index.ts';

/** Digits after the point of a rate. */
const RATE_SCALE = 12;
const RATE_UNIT = 10n ** BigInt(RATE_SCALE);
const UNITS_LIMIT = 10n ** BigInt(MONEY_PRECISION);

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
    marks: UNMARKED,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

/**
 * The transaction as it is after an edit: what was left out stays. A transfer has neither category nor splits, and nothing else has a way to go: what
 * another kind has no place for is given up by name (`categoryId: null`, `splits: []`, `transfer: null`), since nobody asked for its loss. A category
 * beside splits is refused, unless these are given up; new splits say anew what the amount is for, and so take its category's place. A new amount beside
 * splits needs new ones, and so does an account in another currency the amount, and a new amount what arrives in another currency without a rate: what
 * either would be is not for us to guess. A category that was archived since may stay.
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
  requireGivenUp(before, changes, kind);
  requireAmountFor(before, changes, named);
  const splits = changes.splits ?? before.splits.map(toSplitInput);
  const money: Money = {
    kind,
    accountId: changes.accountId ?? before.accountId,
    amount: changes.amount ?? formatMoney(before.amount),
    currency: changes.currency,
    categoryId: changes.categoryId !== undefined ? changes.categoryId : splits.length > 0 ? null : before.categoryId,
    splits,
    transfer:
      changes.transfer !== undefined ? changes.transfer : isTransfer ? keptTransfer(before, changes, named) : null,
  };
  return {
    ...before,
    ...checkMoney(money, named, { keptCategories: new Set(categoriesNamedBy(before)), atFault: atFaultIn(changes) }),
    occurredOn: changes.occurredOn ?? before.occurredOn,
    description: changes.description ?? before.description,
    payee: changes.payee ?? before.payee,
    note: changes.note ?? before.note,
    tags: changes.tags ?? before.tags,
    attachments: changes.attachments ?? before.attachments,
    updatedAtMs: nowMs,
  };
}

/** @throws AppError VALIDATION_FAILED naming what the kind has no place for, and the edit does not give up */
function requireGivenUp(before: TransactionRecord, changes: TransactionUpdate, kind: TransactionRecord['kind']): void {
  const beside = `beside the kind ${kind} to give`;
  if (kind !== 'transfer') {
    if (before.transfer && changes.transfer === undefined)
      throw invalidField('transfer', `goes to another account; send it as null ${beside} that up`);
    return;
  }
  if (before.categoryId !== null && changes.categoryId === undefined)
    throw invalidField('categoryId', `does not go with a transfer; send it as null ${beside} it up`);
  if (before.splits.length > 0 && changes.splits === undefined)
    throw invalidField('splits', `do not go with a transfer; send them as [] ${beside} them up`);
}

/** Which of the two an edit has given that make what arrives by a rate: a rate that was kept is not what its caller got wrong. */
function atFaultIn({ amount, transfer }: TransactionUpdate): readonly AtFault[] {
  if (!transfer) return ['amount'];
  return amount === undefined ? ['transfer.rate'] : AMOUNT_AND_RATE;
}

/** An amount is of its account's currency: ten euros do not become ten dollars because nobody said what they become. */
function requireAmountFor(before: TransactionRecord, changes: TransactionUpdate, { accounts }: Named): void {
  const currency = accounts.get(changes.accountId ?? before.accountId)?.currency ?? before.currency;
  if (currency === before.currency || changes.amount !== undefined) return;
  throw invalidField('amount', `is needed: the account is in ${currency}, the amount was in ${before.currency}`);
}

/**
 * Where a transfer went that is edited without saying so. A new amount moves what arrives by the rate that the transfer was made by; where what arrived was
 * given without one, it must be given again. The same amount leaves it, whatever its digits; within a currency they are equal.
 *
 * @throws AppError VALIDATION_FAILED for `transfer.toAmount`
 */
function keptTransfer(before: TransactionRecord, changes: TransactionUpdate, { accounts }: Named): Money['transfer'] {
  const { transfer } = before;
  if (!transfer) return null;
  const { toAccountId, toCurrency, rate } = transfer;
  const currency = accounts.get(changes.accountId ?? before.accountId)?.currency;
  if (currency === toCurrency) return { toAccountId };
  const amount = changes.amount === undefined ? before.amount : parseMoney(changes.amount);
  const kept = amount === before.amount ? { toAmount: formatMoney(transfer.toAmount) } : {};
  if (currency === before.currency && rate !== null) return { toAccountId, rate, ...kept };
  if (currency === before.currency && amount !== before.amount) {
    throw invalidField(
      'transfer.toAmount',
      `is needed, or a rate: the amount changes, and what arrived in ${toCurrency} was given without a rate`,
    );
  }
  return { toAccountId, toAmount: formatMoney(transfer.toAmount) };
}

type CheckedMoney = Pick<
  TransactionRecord,
  'kind' | 'accountId' | 'amount' | 'currency' | 'categoryId' | 'splits' | 'transfer'
>;

type AtFault = 'amount' | 'transfer.rate';
const AMOUNT_AND_RATE: readonly AtFault[] = ['amount', 'transfer.rate'];

/** `keptCategories` are those that the transaction has already: they may have been archived since. `atFault` is named where nothing valid arrives by a rate. */
type Leeway = { keptCategories: ReadonlySet<string>; atFault: readonly AtFault[] };
const OF_A_NEW_ONE: Leeway = { keptCategories: new Set(), atFault: AMOUNT_AND_RATE };

function checkMoney(input: Money, named: Named, { keptCategories, atFault } = OF_A_NEW_ONE): CheckedMoney {
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
    return { ...own, categoryId: null, splits: [], transfer: checkTransfer(input, account, named, atFault) };
  }
  if (input.transfer !== null) throw invalidField('transfer', `does not go with ${kind}`);
  if (input.splits.length > 0 && categoryId !== null)
    throw invalidField('categoryId', 'stands in the splits; send splits as [] beside it to give them up');
  const check = (id: string | null, path: string) => {
    if (id !== null) checkCategory(named, id, { path, isKept: keptCategories.has(id) });
  };
  check(categoryId, 'categoryId');
  const splits = input.splits.map((split, index): Split => {
    check(split.categoryId, `splits.${index}.categoryId`);
    return { ...split, amount: parseMoney(split.amount) };
  });
  const sum = sumOf(splits);
  if (splits.length > 0 && sum !== amount) {
    throw invalidField('splits', `must sum up to the amount, ${formatMoney(amount)}; they are ${formatMoney(sum)}`);
  }
  // So that whatever adds parts up, in any order, stays within what a database adds up.
  if (sumOf(splits.filter((split) => split.amount > 0n)) >= UNITS_LIMIT)
    throw invalidField('splits', 'must not add more than an amount can be, before what is taken away');
  return { ...own, categoryId, splits, transfer: null };
}

function sumOf(splits: readonly Split[]): Units {
  return splits.reduce((total, { amount }) => total + amount, 0n);
}

/** Its kind is not asked: an income in a category of expenses is a refund, an expense in one of incomes a reversal. */
function checkCategory({ categories }: Named, id: string, { path, isKept }: { path: string; isKept: boolean }): void {
  const category = categories.get(id);
  if (!category) throw invalidField(path, 'is no category');
  if (category.archivedAtMs !== null && !isKept) throw invalidField(path, 'is archived');
}

function checkTransfer(
  input: Money,
  from: AccountRecord,
  { accounts }: Named,
  atFault: readonly AtFault[],
): TransactionRecord['transfer'] {
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
  const { rate } = transfer;
  const unit = minorUnit(to.currency);
  const converted = convert(amount, rate, unit);
  if (toAmount !== null && !isRounded(toAmount, { amount, rate, unit })) {
    throw invalidField('transfer.toAmount', `must be ${formatMoney(converted)} by that rate; leave one of them out`);
  }
  const arriving = toAmount ?? converted;
  requireArriving(arriving, to.currency, atFault);
  return { ...common, toAmount: arriving, rate };
}

/** @throws AppError VALIDATION_FAILED naming what is at fault where nothing arrives, or more than an amount can be */
function requireArriving(arriving: Units, currency: string, atFault: readonly AtFault[]): void {
  if (arriving > 0n && arriving < UNITS_LIMIT) return;
  const message =
    arriving > 0n
      ? 'would let more arrive by the rate than an amount can be'
      : `would let nothing arrive by the rate, to the ${minorDigits(currency)} digits that ${currency} has`;
  throw new AppError('VALIDATION_FAILED', 'The input was refused; see details.', {
    details: atFault.map((path) => ({ path, message })),
  });
}

/** What banks book in a currency: a yen, a cent, a thousandth of a dinar. */
function minorUnit(currency: string): Units {
  return 10n ** BigInt(MONEY_SCALE - minorDigits(currency));
}

/** A rate of up to twelve digits after the point, in units of 10^-12. */
function rateUnits(rate: string): bigint {
  const [whole = '0', fraction = ''] = rate.split('.');
  return BigInt(whole + fraction.padEnd(RATE_SCALE, '0'));
}

/** An amount by a rate, rounded once, half to even, to a whole number of `unit`. */
export function convert(amount: Units, rate: string, unit: Units): Units {
  return unit * divideHalfEven(amount * rateUnits(rate), RATE_UNIT * unit);
}

/**
 * Whether what a bank says to have arrived is the amount by the rate: rounded to the minor unit, in the middle to either side, as banks differ there; or to all
 * eight digits.
 */
function isRounded(toAmount: Units, { amount, rate, unit }: { amount: Units; rate: string; unit: Units }): boolean {
  if (toAmount === convert(amount, rate, 1n)) return true;
  const off = toAmount * RATE_UNIT - amount * rateUnits(rate);
  return toAmount % unit === 0n && 2n * (off < 0n ? -off : off) <= unit * RATE_UNIT;
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

/** The ids of categories that an input or a transaction names, its own and those of its parts. */
export function categoriesNamedBy({
  categoryId,
  splits = [],
}: {
  categoryId?: string | null | undefined;
  splits?: readonly { categoryId: string | null }[] | undefined;
}): string[] {
  return [categoryId, ...splits.map((split) => split.categoryId)].filter((id) => typeof id === 'string');
}

export function toTransactionOut(record: TransactionRecord): TransactionOut {
  const { transfer } = record;
  const createdAt = toInstant(record.createdAtMs);
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
      toCleared: clearedStateOf(record.marks.to),
    },
    attachments: [...record.attachments],
    source: record.source,
    externalId: record.externalId,
    cleared: clearedStateOf(record.marks.own),
    createdAt,
    updatedAt: record.updatedAtMs === record.createdAtMs ? createdAt : toInstant(record.updatedAtMs),
  };
}
