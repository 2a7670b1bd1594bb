import { formatMoney } from '@finverse/shared';
import { clearedStateOf, type Mark, type TransactionRecord, type Units } from '../ledger/index.ts';
import type { ExportBook, ExportWriter } from './export-book.ts';
import { noteLines, postingComment, tagLine } from './journal-comments.ts';
import { type JournalNames, journalNames } from './journal-names.ts';

const namesOf = new WeakMap<ExportBook, JournalNames>();

/**
 * A journal of hledger: `hledger -f FILE bal` adds up what we have added up. An opening balance comes from equity, a transfer between two currencies has its total
 * price (`@@`), and each transaction has its id as its code. What a bank statement has confirmed is `*` (reconciled), what is ticked off in one that is open is `!`:
 * the transaction, or of a transfer each posting where they differ. Tags and notes are comments.
 */
export const journalWriter: ExportWriter = {
  head: (book) => {
    const names = journalNames(book);
    namesOf.set(book, names);
    const currencies = [...new Set([...book.accounts.values()].map(({ currency }) => currency))].toSorted((a, b) =>
      a < b ? -1 : 1,
    );
    const commodities = currencies.map((currency) => `commodity 1000.00000000 ${currency}\n`);
    const accounts = [...book.accounts.values()].map(({ id }) => `account ${names.account(id)}\n`);
    return `; FinVerse ledger\n${commodities.join('')}${accounts.join('')}`;
  },
  transactions: (book, records) => {
    const names = namesOf.get(book) ?? journalNames(book);
    return records.map((record) => entryOf(names, record)).join('');
  },
  tail: () => '\n; end\n',
};

function entryOf(names: JournalNames, record: TransactionRecord): string {
  const { marks, transfer } = record;
  const [own, to] = [statusOf(marks.own), statusOf(marks.to)];
  const isOfAll = !transfer || own === to;
  const title = [record.payee, record.description].map(titleText).filter(Boolean).join(' | ');
  const postings = postingsOf(names, record).map(
    ([account, amount, note = ''], index) =>
      `    ${isOfAll ? '' : index === 0 ? own : to}${account}  ${amount}${postingComment(note)}\n`,
  );
  const comments = tagLine(record.tags) + noteLines(record.note);
  return `\n${record.occurredOn} ${isOfAll ? own : ''}(${record.id}) ${title}\n${comments}${postings.join('')}`;
}

const STATUS = { uncleared: '', cleared: '! ', reconciled: '* ' } as const;

function statusOf(mark: Mark | null): string {
  return STATUS[clearedStateOf(mark)];
}

type Posting = [account: string, amount: string, note?: string];

/** The transaction's own account first, and of a transfer the account that it goes to behind it. */
function postingsOf(names: JournalNames, record: TransactionRecord): Posting[] {
  const { kind, currency, transfer, amount } = record;
  const own = names.account(record.accountId);
  const money = (units: Units, of = currency) => `${formatMoney(units)} ${of}`;
  if (kind === 'opening')
    return [
      [own, money(amount)],
      ['equity:opening balances', money(-amount)],
    ];
  if (kind === 'transfer' && transfer) {
    const { toAmount, toCurrency } = transfer;
    const price = toCurrency === currency ? '' : ` @@ ${money(toAmount, toCurrency)}`;
    return [
      [own, money(-amount) + price],
      [names.account(transfer.toAccountId), money(toAmount, toCurrency)],
    ];
  }
  const of = kind === 'income' ? 'income' : 'expense';
  const sign = kind === 'income' ? 1n : -1n;
  const parts = record.splits.length > 0 ? record.splits : [{ amount, categoryId: record.categoryId, note: '' }];
  return [
    [own, money(sign * amount)],
    ...parts.map((each): Posting => [names.category(of, each.categoryId), money(-sign * each.amount), each.note]),
  ];
}

/** Text for a transaction's first line: a semicolon would begin a comment, a bar divides payee and description. */
function titleText(text: string): string {
  return text.replace(/\s+/gu, ' ').trim().replaceAll(';', ',').replaceAll('|', '/');
}
