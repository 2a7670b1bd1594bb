import {
  ATTACHMENTS_MAX,
  currencyCodes,
  formatMoney,
  type ImportField,
  type ImportSettings,
  SPLITS_MAX,
  TAGS_MAX,
  type TransactionCreate,
  transactionCreateInput,
} from '@finverse/shared';
import { restoreCell } from '../exports/index.ts';
import type { Book } from './book.ts';
import { parseDate } from './parse/dates.ts';
import { directionOf, signWatch } from './parse/directions.ts';
import { AmountError, parseAmount } from './parse/numbers.ts';

/** Something of a row that cannot be imported: which field, and why. */
export type Fault = { field: string; message: string };

/** A row as far as it can be understood without the ledger's lock. */
export type Draft =
  | { kind: 'transaction'; input: TransactionCreate }
  /** An opening balance of ours that the account has already. */
  | { kind: 'known' }
  /** `nameless`: the id of a row that only lacks what it names, an account or a category. */
  | { kind: 'faulty'; faults: Fault[]; nameless?: string };

export type Interpreter = (cells: readonly string[]) => Draft;

type Options = {
  settings: ImportSettings;
  places: Partial<Record<ImportField, number>>;
  /** Of an export of ours, in which apostrophes before formulas are ours as well: where it says in which currency a transfer arrives. */
  exchange: { toCurrencyPlace: number } | null;
  accountId: string;
  /** The currency of that account. */
  accountCurrency: string;
  source: string;
  book: Book;
};

const TEXT_MAX = 200;
const NOTE_MAX = 2000;
/** The most faults that are told of one row. */
const FAULTS_MAX = 10;
// oxlint-disable-next-line no-control-regex -- they are what is refused
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Fields of an input by the fields of a file, for what zod finds. */
const FIELD_OF: Record<string, ImportField> = {
  occurredOn: 'date',
  accountId: 'account',
  categoryId: 'category',
  transfer: 'toAccount',
};

/**
 * Reads the cells of a row by the settings. Never throws for what stands in a file. The rows are to be given in the order of the file: signs that contradict
 * those of the rows before are faults.
 */
export function interpreterOf({
  settings,
  places,
  exchange,
  accountId,
  accountCurrency,
  source,
  book,
}: Options): Interpreter {
  const { dateFormat, decimalSeparator, isAmountInverted, unknownCategory } = settings;
  const isPlain = (['tags', 'splits', 'attachments', 'toAccount', 'toAmount', 'rate'] as const).every(
    (field) => places[field] === undefined,
  );
  const debitSigns = signWatch();
  const expenseSigns = signWatch();

  return (cells) => {
    const faults: Fault[] = [];
    /** Those of the faults that are of a name which means nothing, or several things. */
    let nameFaults = 0;
    const cell = (field: ImportField): string => {
      const place = places[field];
      return place === undefined ? '' : (cells[place]?.trim() ?? '');
    };
    const text = (field: ImportField, max: number): string => {
      const place = places[field];
      if (place === undefined) return '';
      const raw = cells[place] ?? '';
      const value = (exchange ? restoreCell(raw) : raw).trim();
      if (UNPRINTABLE.test(value)) faults.push({ field, message: 'must be text without control characters' });
      else if (value.length > max) faults.push({ field, message: `must have at most ${max} characters` });
      return value;
    };
    const money = (field: ImportField, isInverted = false): bigint | null => {
      const value = cell(field);
      if (value === '') return null;
      try {
        return parseAmount(value, decimalSeparator, { currency: rowCurrency, isInverted });
      } catch (error) {
        if (!(error instanceof AmountError)) throw error;
        faults.push({ field, message: error.message });
        return null;
      }
    };

    const dateText = cell('date');
    const occurredOn = parseDate(dateText, dateFormat) ?? '';
    if (occurredOn === '') {
      faults.push({ field: 'date', message: dateText === '' ? 'is missing' : `is no date written as ${dateFormat}` });
    }
    const ownAccount = accountOf('account') ?? accountId;
    const currency = cell('currency').toUpperCase();
    // Of another account only the file can say which currency it is in; `toRecord` refuses any that is not the account's.
    const named = currencyCodes.has(currency) ? currency : null;
    const rowCurrency = currency === '' && ownAccount === accountId ? accountCurrency : named;
    const { units, field: amountField } = signedAmount();
    const kind = kindOf(units);

    if (kind === 'opening') return openingOf(ownAccount, units, occurredOn);
    if (units === 0n) faults.push({ field: amountField, message: 'must not be zero' });

    const longText = text('description', NOTE_MAX);
    const note = text('note', NOTE_MAX);
    const overflow = longText.length > TEXT_MAX ? [longText, note].filter(Boolean).join('\n') : note;
    if (overflow.length > NOTE_MAX)
      faults.push({ field: 'description', message: `must have, with the note, at most ${NOTE_MAX} characters` });
    const input: TransactionCreate = {
      kind: kind ?? 'expense',
      accountId: ownAccount,
      amount: units === null ? '' : formatMoney(units < 0n ? -units : units),
      currency: currency === '' ? undefined : currency,
      occurredOn,
      // What is longer than a description can be stands in full in the note.
      description: longText.length > TEXT_MAX ? cut(longText) : longText,
      payee: text('payee', TEXT_MAX),
      note: overflow,
      categoryId: kind === 'transfer' || kind === null ? null : categoryOf(text('category', 1000), kind, 'category'),
      tags: [],
      splits: [],
      transfer: null,
      attachments: [],
      source,
      externalId: text('externalId', TEXT_MAX) || null,
    };
    if (isPlain || faults.length > 0) return faults.length > 0 ? refuse(input) : { kind: 'transaction', input };
    return complete(input);

    /** What comes (above zero) or goes. An amount is told by its own sign, a debit and a credit by their columns. */
    function signedAmount(): { units: bigint | null; field: ImportField } {
      const [amount, debit, credit] = [money('amount', isAmountInverted), money('debit'), money('credit')];
      const stated = (['amount', 'debit', 'credit'] as const).filter((_, index) => [amount, debit, credit][index]);
      const [field] = stated;
      if (stated.length > 1 && field) {
        faults.push({
          field: stated[1] ?? field,
          message: `stands beside ${field === 'debit' ? 'a debit' : 'an amount'}`,
        });
        return { units: null, field };
      }
      if (field === 'credit' && credit !== null) {
        if (credit < 0n) faults.push({ field, message: 'is below zero: it must say whether it comes or goes' });
        return { units: credit, field };
      }
      if (field === 'debit' && debit !== null) {
        // Some banks write a minus before what goes, some do not; the other sign is money that came back, or a mistake.
        if (!debitSigns(debit)) faults.push({ field, message: 'has another sign than the debits before it' });
        return { units: debit < 0n ? debit : -debit, field };
      }
      if (field === 'amount') return { units: amount, field };
      const empty = places.amount === undefined && places.debit !== undefined ? 'debit' : 'amount';
      if (amount !== null || debit !== null || credit !== null) return { units: 0n, field: empty };
      if (!faults.some((fault) => ['amount', 'debit', 'credit'].includes(fault.field)))
        faults.push({ field: empty, message: 'is missing' });
      return { units: null, field: empty };
    }

    /** What the row's own word says, or else the sign. A word and a sign that contradict are a fault, and so is a word that is missing. */
    function kindOf(amount: bigint | null): TransactionCreate['kind'] | 'opening' | null {
      if (places.kind === undefined) return amount !== null && amount > 0n ? 'income' : 'expense';
      const name = cell('kind');
      const said = name === 'transfer' || name === 'opening' ? name : directionOf(name);
      if (said === null) {
        const message = name === '' ? 'is missing' : 'must be income, expense, transfer, or debit or credit';
        faults.push({ field: 'kind', message });
      } else if (said === 'expense') {
        if (amount !== null && amount !== 0n && amountField !== 'debit' && !expenseSigns(amount))
          faults.push({ field: amountField, message: 'has another sign than the expenses before it' });
        if (amountField === 'credit') faults.push({ field: 'kind', message: 'contradicts the credit' });
      } else if (said !== 'opening' && amount !== null && amount < 0n) {
        faults.push({ field: amountField, message: `is below zero, which no ${said} is` });
      }
      return said;
    }

    function accountOf(field: 'account' | 'toAccount'): string | null {
      const name = text(field, TEXT_MAX);
      if (name === '') return null;
      const id = book.accounts.get(name);
      if (id === undefined || id === null) {
        faults.push({ field, message: id === null ? 'is the name of several accounts' : 'is no account' });
        nameFaults += 1;
        return null;
      }
      return id;
    }

    function categoryOf(name: string, of: 'income' | 'expense', field: ImportField): string | null {
      if (name === '') return null;
      const [id, ...others] = book.categories(name, of);
      if (id !== undefined && others.length === 0) return id;
      if (unknownCategory === 'fault') {
        const message = others.length > 0 ? 'is the name of several categories' : 'is no category';
        faults.push({ field, message });
        nameFaults += 1;
      }
      return null;
    }

    function refuse({ externalId }: TransactionCreate): Draft {
      const isNameless = nameFaults === faults.length && externalId !== null;
      return isNameless ? { ...faulty(faults), nameless: externalId } : faulty(faults);
    }

    function openingOf(account: string, amount: bigint | null, date: string): Draft {
      const opening = book.openings.get(account);
      if (faults.length === 0 && opening && opening.amount === amount && opening.occurredOn === date)
        return { kind: 'known' };
      faults.push({ field: 'kind', message: 'is an opening balance that the account does not have: set it there' });
      return faulty(faults);
    }

    /** The rest of a row of our own CSV, checked as the input of a caller is. */
    function complete(plain: TransactionCreate): Draft {
      const tags = items(text('tags', 1500));
      if (tags.length > TAGS_MAX) faults.push({ field: 'tags', message: `must be at most ${TAGS_MAX}` });
      const lists = { splits: list('splits', SPLITS_MAX), attachments: list('attachments', ATTACHMENTS_MAX) };
      const toAccountId = accountOf('toAccount');
      const toCurrency = exchange ? (cells[exchange.toCurrencyPlace]?.trim() ?? '') : '';
      if (toAccountId !== null && toCurrency !== '' && book.currencies.get(toAccountId) !== toCurrency)
        faults.push({ field: 'toAccount', message: `must be in ${toCurrency}, as the row says` });
      const [toAmount, rate] = [cell('toAmount'), cell('rate')];
      const splits = lists.splits.map((split) => {
        const { amount, category, note: splitNote } = split as Record<string, unknown>;
        const of = plain.kind === 'income' ? 'income' : 'expense';
        const categoryId = typeof category === 'string' ? categoryOf(category, of, 'splits') : null;
        return { amount, categoryId, note: splitNote ?? '' };
      });
      if (faults.length > 0) return refuse(plain);
      const parsed = transactionCreateInput.safeParse({
        ...plain,
        tags,
        splits,
        attachments: lists.attachments,
        transfer:
          toAccountId === null
            ? null
            : { toAccountId, ...(toAmount === '' ? {} : { toAmount }), ...(rate === '' ? {} : { rate }) },
      });
      if (parsed.success) return { kind: 'transaction', input: parsed.data };
      return faulty(parsed.error.issues.map(({ path, message }) => ({ field: fieldOf(path.map(String)), message })));
    }

    /** A list of objects in JSON; empty where it is at fault, so that nothing walks what is too long. */
    function list(field: 'splits' | 'attachments', countMax: number): unknown[] {
      const json = text(field, 60_000);
      if (json === '') return [];
      try {
        const value: unknown = JSON.parse(json);
        if (Array.isArray(value) && value.length > countMax) {
          faults.push({ field, message: `must be at most ${countMax}` });
          return [];
        }
        if (Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null)) return value;
      } catch {
        // Named below, like any other text that is no list.
      }
      faults.push({ field, message: 'must be a list in JSON, as an export writes it' });
      return [];
    }
  };
}

function faulty(faults: readonly Fault[]): { kind: 'faulty'; faults: Fault[] } {
  return { kind: 'faulty', faults: faults.slice(0, FAULTS_MAX) };
}

function items(list: string): string[] {
  return list === '' ? [] : list.split(',').map((item) => item.trim());
}

/** The field of a file for the path of a field of an input. */
export function fieldOf(path: readonly string[]): string {
  const [first = ''] = path;
  if (first === 'transfer') return path[1] === 'toAmount' || path[1] === 'rate' ? path[1] : 'toAccount';
  return FIELD_OF[first] ?? first;
}

/** The first two hundred characters, no half of a pair at the end. */
function cut(text: string): string {
  const part = text.slice(0, TEXT_MAX);
  return part.isWellFormed() ? part.trimEnd() : part.slice(0, -1).trimEnd();
}
