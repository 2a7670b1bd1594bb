import { type ImportDateFormat, type ImportField, importFields, type ImportSettingsInput } from '@finverse/shared';
import { AccountsWatch } from './accounts-watch.ts';
import { amountsOf, cellsOf, isAmount, isContradicted, isDate, isTransaction } from './column-contents.ts';
import { COLUMN_NAMES, columnName, plainName } from './column-names.ts';
import type { SampleRow } from './csv-rows.ts';
import { parseDate } from './dates.ts';
import { directionOf } from './directions.ts';
import { glanceAtAmount } from './numbers.ts';
import { FEES, NETS, PARTIES, PENDING, STATES } from './unread-names.ts';

/** What the cells of a file may leave open, where they tell nothing or may be read in two ways. */
export type OpenField = 'dateFormat' | 'decimalSeparator';

type Findings = {
  given: ImportSettingsInput;
  /** Whether the columns are those that the source had the last time. */
  isKnown: boolean;
  /** Whether the source had columns the last time, and they are not those of this file. */
  isForgotten: boolean;
  /** Whether the account is one of credit. */
  isOfCredit: boolean;
  /** What stands before the header or the first row. */
  skipped: readonly SampleRow[];
  header: readonly string[] | null;
  data: readonly (readonly string[])[];
  places: Partial<Record<ImportField, number>>;
  /** The format that dates are read as, where nobody says otherwise. */
  dateFormat: ImportDateFormat;
  /** The last day that a statement may be expected to have. */
  latestOn: string | null;
  /** Which fields are guessed although another value would read the cells as well. */
  ambiguousFields: readonly OpenField[];
  /** An amount that may be read in two ways. */
  ambiguousAmount: string | null;
};

/** The share of amounts with the same sign from which on the others may be exceptions. */
const NEARLY_ALL = 0.95;
/** What the sample of a file leaves open, and what it says that is not read: for a person to look at before anything is imported. */
export function warningsOf(findings: Findings): string[] {
  const { given, isKnown, isForgotten, dateFormat, ambiguousFields, ambiguousAmount } = findings;
  const warnings: string[] = [];
  if (ambiguousFields.includes('dateFormat')) {
    warnings.push(`Dates are read as ${dateFormat}; another format would fit as well. Check them, or say which it is.`);
  }
  if (ambiguousFields.includes('decimalSeparator'))
    warnings.push(
      `Amounts such as ${ambiguousAmount?.slice(0, NAME_CHARACTERS_MAX)} may be read in two ways; check them, or say what separates the fraction.`,
    );
  if (isForgotten && !(given.columns?.date !== undefined && given.isAmountInverted !== undefined))
    warnings.push(
      'The file has other columns than the last file of its source, so what was set for that one is not used. Check the columns, and which sign money has that is spent.',
    );
  if (!isKnown)
    warnings.push(
      ...columnWarnings(findings),
      ...namesakeWarnings(findings),
      ...signWarnings(findings),
      ...wordWarnings(findings),
      ...textWarnings(findings),
      ...partyWarnings(findings),
    );
  return [
    ...warnings,
    ...futureWarnings(findings),
    ...skipWarnings(findings),
    ...accountWarnings(findings),
    ...unreadWarnings(findings),
  ];
}

/** A year of two digits may be of another calendar, as in `31/01/68` of Thailand, and a day or month may be taken for it. */
function futureWarnings({ given, data, places, dateFormat, latestOn }: Findings): string[] {
  if (latestOn === null) return [];
  for (const cell of cellsOf(data, places.date)) {
    const date = parseDate(cell, given.dateFormat ?? dateFormat);
    if (date !== null && date > latestOn)
      return [
        `“${cell}” is read as ${date}, which lies far ahead. Check which number is the year, and of which calendar.`,
      ];
  }
  return [];
}

/** A first row with a cell too many looks like one of the lines that banks put before the table, and whoever counts lines may miscount them. */
function skipWarnings({ skipped, header }: Findings): string[] {
  const found = skipped.find(({ cells }) => isTransaction(cells));
  if (found)
    return [`Line ${found.line} is skipped and looks like a transaction. Check how many lines are to be skipped.`];
  if (header && isTransaction(header))
    return ['The row that is taken for the header looks like a transaction. Check whether the file has a header.'];
  return [];
}

function columnWarnings({ header, given, places }: Findings): string[] {
  const isGiven = given.columns?.date !== undefined && (given.columns.amount ?? given.columns.debit) !== undefined;
  if (header || isGiven || Object.keys(places).length === 0) return [];
  return ['The file has no header, so its columns are guessed by what stands in them. Check which one is the amount.'];
}

/** Of columns with one name the first is read; where the others hold something else, a person has to say which is meant. */
function namesakeWarnings({ header, given, data, places }: Findings): string[] {
  return (['date', 'amount', 'debit', 'credit', 'currency'] as const).flatMap((field) => {
    const place = places[field];
    const name = header?.[place ?? -1];
    if (place === undefined || name === undefined || given.columns?.[field] !== undefined) return [];
    const others = (header ?? []).flatMap((other, index) =>
      index !== place && columnName(other) === columnName(name) ? [index] : [],
    );
    const isOther = data.some((row) => others.some((index) => row[index]?.trim() !== row[place]?.trim()));
    if (!isOther) return [];
    return [
      `Several columns are called ${quoted(name)} and hold different things; the first of them is read as the ${field}. Say which one is meant, such as #${(others[0] ?? 0) + 1}.`,
    ];
  });
}

function signWarnings({ given, isOfCredit, data, places }: Findings): string[] {
  const isTold = places.kind !== undefined || places.debit !== undefined || places.credit !== undefined;
  if (isTold || given.isAmountInverted !== undefined) return [];
  const amounts = amountsOf(data, places.amount);
  if (amounts.length === 0) return [];
  const below = amounts.filter(({ isBelowZero }) => isBelowZero).length / amounts.length;
  if (below >= NEARLY_ALL)
    return [
      'All or nearly all amounts are below zero and become expenses. Check that none of them is money that came.',
    ];
  if (1 - below >= NEARLY_ALL)
    return [
      'All or nearly all amounts are above zero and become income. Check them, say which column tells what goes (`kind`), or that what is spent stands above zero.',
    ];
  if (isOfCredit && 1 - below > MOSTLY)
    return [
      'Most amounts are above zero and become income, on an account of credit. Check them, or say that what is spent stands above zero.',
    ];
  return [];
}

/** A column of words most of which say which way money goes, that is not read while the signs say otherwise. */
function wordWarnings({ header, given, data, places }: Findings): string[] {
  const isTold = places.kind !== undefined || places.debit !== undefined || places.credit !== undefined;
  if (isTold || given.columns?.kind === null) return [];
  const used = new Set(Object.values(places));
  const contradicting = (header ?? []).filter((_, place) => {
    // Of very many columns the first rows are looked at.
    if (used.has(place) || !data.slice(0, 20).some((row) => directionOf(row[place] ?? '') !== null)) return false;
    const cells = cellsOf(data, place);
    if (cells.filter((cell) => directionOf(cell) !== null).length <= cells.length * MOSTLY) return false;
    return isContradicted(data, { kind: place, amount: places.amount }, given.isAmountInverted);
  });
  return contradicting.map(
    (name) =>
      `The column ${quoted(name)} says which way money goes and is not read, and signs say otherwise. Say that it is the \`kind\`, or null for none.`,
  );
}

/** The share of the cells of a column that hold words from which on it is one of texts. */
const MOSTLY = 0.5;

/** Whether a column of names is empty where most rows need one. */
function isMostlyEmpty(data: Findings['data'], place: number | undefined): boolean {
  return place !== undefined && cellsOf(data, place).length < data.length * MOSTLY;
}

/**
 * Where no column is the payee, or one that is mostly empty, or none the description, those that hold words and are known as nothing else: one of them may
 * be it.
 */
function textWarnings({ header, given, data, places }: Findings): string[] {
  const lacking = (['payee', 'description'] as const).filter((field) => {
    const isLacking = places[field] === undefined || (field === 'payee' && isMostlyEmpty(data, places.payee));
    return isLacking && given.columns?.[field] === undefined;
  });
  const { date, amount, debit, credit } = places;
  // Where these are not known either, the cells may be cut wrongly, and what stands in them says nothing.
  if (lacking.length === 0 || date === undefined || (amount ?? debit ?? credit) === undefined) return [];
  const used = new Set(Object.values(places));
  const names = (header ?? []).filter((name, place) => {
    const cells = cellsOf(data, place);
    const words = cells.filter((cell) => /\p{L}{3}/u.test(cell) && !isDate(cell) && !isAmount(cell));
    return !used.has(place) && !isKnownName(name) && words.length > cells.length * MOSTLY;
  });
  if (names.length === 0) return [];
  const shown = names.slice(0, NAMES_MAX).map(quoted);
  return [
    `No column${places.payee !== undefined && lacking.includes('payee') ? ', or a mostly empty one,' : ''} is taken for the ${lacking.join(' or the ')}, and text is not read that stands in ${shown.join(', ')}${names.length > NAMES_MAX ? ', …' : ''}. Say which column is which, or null for none.`,
  ];
}

/** Beside the column of the payee, others with the name of the other party: of money that comes, the payee may be the person. */
function partyWarnings({ header, given, data, places }: Findings): string[] {
  if (places.payee === undefined || given.columns?.payee !== undefined) return [];
  const used = new Set(Object.values(places));
  const others = (header ?? []).filter(
    (name, place) =>
      !used.has(place) && PARTIES.has(columnName(name)) && cellsOf(data, place).some((cell) => /\p{L}/u.test(cell)),
  );
  if (others.length === 0) return [];
  const read = header?.[places.payee] ?? '';
  return [
    `The payee is read from ${quoted(read)} alone, and names stand in ${others.slice(0, NAMES_MAX).map(quoted).join(', ')} as well: of some rows the payee may be yourself, or none. Check them, or say which column is the payee.`,
  ];
}

/** Columns that a warning names, and the characters of each. */
const NAMES_MAX = 5;
const NAME_CHARACTERS_MAX = 60;

function quoted(name: string): string {
  return `“${name.slice(0, NAME_CHARACTERS_MAX)}”`;
}

/** Whether a column is called like one of another kind, or like one that has a warning of its own. */
function isKnownName(name: string): boolean {
  const known = columnName(name);
  const isState = STATES.has(plainName(name));
  return isState || importFields.some((field) => COLUMN_NAMES[field]?.includes(known));
}

function accountWarnings({ header, data, places }: Findings): string[] {
  const accounts = new AccountsWatch();
  accounts.begin(header, places);
  for (const row of data) accounts.see(row);
  return accounts.warnings();
}

function unreadWarnings({ header, data, places }: Findings): string[] {
  const used = new Set(Object.values(places));
  const isNet = NETS.has(plainName(header?.[places.amount ?? -1] ?? ''));
  return (header ?? []).flatMap((name, place) => {
    if (used.has(place)) return [];
    const cells = cellsOf(data, place);
    const plain = plainName(name);
    if (FEES.has(plain) && !isNet && cells.some((cell) => glanceAtAmount(cell)?.isZero === false))
      return [`What stands in the column “${name}” is not read: where it is not part of the amount, balances differ.`];
    const values = new Set(cells);
    const isState = STATES.has(plain) || [...values].some((cell) => PENDING.has(plainName(cell)));
    if (isState && values.size > 1)
      return [`The column “${name}” is not read: rows that are pending or were reverted are imported like the others.`];
    return [];
  });
}
