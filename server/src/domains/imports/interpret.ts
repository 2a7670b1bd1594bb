import {
  formatMoney,
  type ImportField,
  type ImportSettings,
  type TransactionCreate,
  transactionCreateInput,
} from '@finverse/shared';
import { restoreCell } from '../exports/index.ts';
import type { Book } from './book.ts';
import { parseDate } from './parse/dates.ts';
import { AmountError, parseAmount } from './parse/numbers.ts';

/** Something of a row that cannot be imported: which field, and why. */
export type Fault = { field: string; message: string };

/** A row as far as it can be understood without the ledger's lock. */
export type Draft =
  | { kind: 'transaction'; input: TransactionCreate }
  /** An opening balance of ours that the account has already. */
  | { kind: 'known' }
  | { kind: 'faulty'; faults: Fault[] };

export type Interpreter = (cells: readonly string[]) => Draft;

type Options = {
  settings: ImportSettings;
  places: Partial<Record<ImportField, number>>;
  /** Whether the file is an export of ours, in which apostrophes before formulas are ours as well. */
  isExchange: boolean;
  accountId: string;
  source: string;
  book: Book;
};

const EXPENSE = /^(?:expense|debit|dbit|d|dr|soll|s|af|out|withdrawal)$/i;
const INCOME = /^(?:income|credit|crdt|c|cr|haben|h|bij|in|deposit)$/i;
const TEXT_MAX = 200;
const NOTE_MAX = 2000;
// oxlint-disable-next-line no-control-regex -- they are what is refused
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Fields of an input by the fields of a file, for what zod finds. */
const FIELD_OF: Record<string, ImportField> = {
  occurredOn: 'date',
  accountId: 'account',
  categoryId: 'category',
  transfer: 'toAccount',
};

/** Reads the cells of a row by the settings. Never throws for what stands in a file. */
export function interpreterOf({ settings, places, isExchange, accountId, source, book }: Options): Interpreter {
  const { dateFormat, decimalSeparator, isAmountInverted, unknownCategory } = settings;
  const isPlain = (['tags', 'splits', 'attachments', 'toAccount', 'toAmount', 'rate'] as const).every(
    (field) => places[field] === undefined,
  );

  return (cells) => {
    const faults: Fault[] = [];
    const cell = (field: ImportField): string => {
      const place = places[field];
      return place === undefined ? '' : (cells[place]?.trim() ?? '');
    };
    const text = (field: ImportField, max: number): string => {
      const place = places[field];
      if (place === undefined) return '';
      const raw = cells[place] ?? '';
      const value = (isExchange ? restoreCell(raw) : raw).trim();
      if (UNPRINTABLE.test(value)) faults.push({ field, message: 'must be text without control characters' });
      else if (value.length > max) faults.push({ field, message: `must have at most ${max} characters` });
      return value;
    };
    const money = (field: ImportField): bigint | null => {
      const value = cell(field);
      if (value === '') return null;
      try {
        return parseAmount(value, decimalSeparator);
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
    const { units, field: amountField } = signedAmount();
    const kindText = cell('kind');
    const kind = kindOf(kindText, units);
    if (kind === null) faults.push({ field: 'kind', message: 'must be income, expense, transfer, or debit or credit' });
    const ownAccount = accountOf('account') ?? accountId;

    if (kind === 'opening') return openingOf(ownAccount, units, occurredOn);
    if (units === 0n) faults.push({ field: amountField, message: 'must not be zero' });

    const longText = text('description', NOTE_MAX);
    const note = text('note', NOTE_MAX);
    const overflow = longText.length > TEXT_MAX ? [longText, note].filter(Boolean).join('\n') : note;
    if (overflow.length > NOTE_MAX)
      faults.push({ field: 'description', message: `must have, with the note, at most ${NOTE_MAX} characters` });
    const currency = cell('currency');
    const input: TransactionCreate = {
      kind: kind ?? 'expense',
      accountId: ownAccount,
      amount: units === null ? '' : formatMoney(units < 0n ? -units : units),
      currency: currency === '' ? undefined : currency.toUpperCase(),
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
    if (isPlain || faults.length > 0)
      return faults.length > 0 ? { kind: 'faulty', faults } : { kind: 'transaction', input };
    return complete(input);

    function signedAmount(): { units: bigint | null; field: ImportField } {
      const amount = money('amount');
      if (amount !== null) return { units: isAmountInverted ? -amount : amount, field: 'amount' };
      const [debit, credit] = [money('debit'), money('credit')];
      if (debit !== null && debit !== 0n && credit !== null && credit !== 0n) {
        faults.push({ field: 'debit', message: 'stands beside a credit' });
        return { units: null, field: 'debit' };
      }
      if (credit !== null && credit !== 0n) return { units: credit, field: 'credit' };
      if (debit !== null) return { units: debit < 0n ? debit : -debit, field: 'debit' };
      const field = places.amount === undefined && places.debit !== undefined ? 'debit' : 'amount';
      if (credit === null && !faults.some((fault) => ['amount', 'debit', 'credit'].includes(fault.field)))
        faults.push({ field, message: 'is missing' });
      return { units: credit, field };
    }

    function kindOf(name: string, amount: bigint | null): TransactionCreate['kind'] | 'opening' | null {
      if (name === '') return amount !== null && amount > 0n ? 'income' : 'expense';
      if (name === 'transfer' || name === 'opening') return name;
      if (EXPENSE.test(name)) return 'expense';
      return INCOME.test(name) ? 'income' : null;
    }

    function accountOf(field: 'account' | 'toAccount'): string | null {
      const name = text(field, TEXT_MAX);
      if (name === '') return null;
      const id = book.accounts.get(name);
      if (id === undefined || id === null) {
        faults.push({ field, message: id === null ? 'is the name of several accounts' : 'is no account' });
        return null;
      }
      return id;
    }

    function categoryOf(name: string, of: 'income' | 'expense', field: ImportField): string | null {
      if (name === '') return null;
      const fitting = (book.categories.get(name) ?? []).filter((each) => each.kind === 'both' || each.kind === of);
      if (fitting.length === 1) return fitting[0]?.id ?? null;
      if (unknownCategory === 'fault') {
        const message = fitting.length > 1 ? 'is the name of several categories' : `is no category for ${of}`;
        faults.push({ field, message });
      }
      return null;
    }

    function openingOf(account: string, amount: bigint | null, date: string): Draft {
      const opening = book.openings.get(account);
      if (faults.length === 0 && opening && opening.amount === amount && opening.occurredOn === date)
        return { kind: 'known' };
      faults.push({ field: 'kind', message: 'is an opening balance that the account does not have: set it there' });
      return { kind: 'faulty', faults };
    }

    /** The rest of a row of our own CSV, checked as the input of a caller is. */
    function complete(plain: TransactionCreate): Draft {
      const tags = text('tags', 1500);
      const lists = { splits: list('splits'), attachments: list('attachments') };
      const toAccountId = accountOf('toAccount');
      const [toAmount, rate] = [cell('toAmount'), cell('rate')];
      const splits = lists.splits.map((split) => {
        const { amount, category, note: splitNote } = split as Record<string, unknown>;
        const of = plain.kind === 'income' ? 'income' : 'expense';
        const categoryId = typeof category === 'string' ? categoryOf(category, of, 'splits') : null;
        return { amount, categoryId, note: splitNote ?? '' };
      });
      if (faults.length > 0) return { kind: 'faulty', faults };
      const parsed = transactionCreateInput.safeParse({
        ...plain,
        tags: tags === '' ? [] : tags.split(',').map((tag) => tag.trim()),
        splits,
        attachments: lists.attachments,
        transfer:
          toAccountId === null
            ? null
            : { toAccountId, ...(toAmount === '' ? {} : { toAmount }), ...(rate === '' ? {} : { rate }) },
      });
      if (parsed.success) return { kind: 'transaction', input: parsed.data };
      return {
        kind: 'faulty',
        faults: parsed.error.issues.map(({ path, message }) => ({ field: fieldOf(path.map(String)), message })),
      };
    }

    function list(field: 'splits' | 'attachments'): unknown[] {
      const json = text(field, 60_000);
      if (json === '') return [];
      try {
        const value: unknown = JSON.parse(json);
        if (Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null)) return value;
      } catch {
        // Named below, like any other text that is no list.
      }
      faults.push({ field, message: 'must be a list in JSON, as an export writes it' });
      return [];
    }
  };
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
