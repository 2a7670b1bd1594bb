import type { ImportDateFormat } from '@finverse/shared';
import { importDateFormats } from '@finverse/shared';
import { plainName } from './column-names.ts';

/**
 * The months in the languages of Western Europe, in which a word and its beginnings mean one month. In others they do not: `marraskuu` is November, and
 * `listopad` October or November.
 */
const MONTHS = monthsByWord([
  'january february march april may june july august september october november december',
  'januar februar märz april mai juni juli august september oktober november dezember',
  'janvier février mars avril mai juin juillet août septembre octobre novembre décembre',
  'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre',
  'gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre',
  'janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro',
  'januari februari maart april mei juni juli augustus september oktober november december',
  'januari februari mars april maj juni juli augusti september oktober november december',
  'januar februar marts april maj juni juli august september oktober november december',
  'januar februar mars april mai juni juli august september oktober november desember',
]);
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** A time behind a date says nothing that is kept. */
const TIME = String.raw`(?:[T ]\d{1,2}:\d{2}.*)?$`;

/** The number of a month by its name in lower case, with and without accents, and by each beginning of three letters or more that no other month has. */
function monthsByWord(languages: readonly string[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, Set<number>>([['mrt', new Set([3])]]);
  for (const names of languages) {
    for (const [index, name] of names.split(' ').entries()) {
      for (const word of [name, plainName(name)])
        for (let length = 3; length <= word.length; length += 1) {
          const beginning = word.slice(0, length);
          numbers.set(beginning, (numbers.get(beginning) ?? new Set()).add(index + 1));
        }
    }
  }
  return new Map([...numbers].flatMap(([word, [only, ...others]]) => (others.length === 0 ? [[word, only ?? 0]] : [])));
}

type Reader = { pattern: RegExp; order: readonly ('y' | 'm' | 'd')[] };

const READERS = Object.fromEntries(importDateFormats.map((format) => [format, readerOf(format)])) as Record<
  ImportDateFormat,
  Reader
>;

function readerOf(format: ImportDateFormat): Reader {
  const order: ('y' | 'm' | 'd')[] = [];
  // Beside a month in letters two digits can be no other number than the year's.
  const isWorded = format.includes('MMM');
  const source = format.replace(/YYYY|YY|MMM|MM|DD|[./ ,-]+/g, (part) => {
    switch (part) {
      case 'YYYY':
        order.push('y');
        return isWorded ? String.raw`(\d{4}|\d{2})` : String.raw`(\d{4})`;
      case 'YY':
        order.push('y');
        return String.raw`(\d{2})`;
      case 'MMM':
        order.push('m');
        return String.raw`([A-Za-z\u00c0-\u00ff]{3,10})`;
      case 'MM':
        order.push('m');
        return format === 'YYYYMMDD' ? String.raw`(\d{2})` : String.raw`(\d{1,2})`;
      case 'DD':
        order.push('d');
        return format === 'YYYYMMDD' ? String.raw`(\d{2})` : String.raw`(\d{1,2})`;
      default:
        return part.includes(' ') ? '[ ,.-]+' : `\\${part}`;
    }
  });
  return { pattern: new RegExp(`^${source}${TIME}`), order };
}

/** A date of the calendar as YYYY-MM-DD, or null where the text is none in that format. A year of two digits is that of 1970 to 2069. */
export function parseDate(text: string, format: ImportDateFormat): string | null {
  const { pattern, order } = READERS[format];
  const match = pattern.exec(text);
  if (!match) return null;
  let [year, month, day] = ['', '', ''];
  for (const [index, part] of order.entries()) {
    const value = match[index + 1] ?? '';
    if (part === 'y') year = value;
    else if (part === 'm') month = value;
    else day = value;
  }
  const wholeYear = year.length === 2 ? Number(year) + (Number(year) < 70 ? 2000 : 1900) : Number(year);
  const monthNumber = /^\d/.test(month) ? Number(month) : (MONTHS.get(month.toLowerCase()) ?? 0);
  const dayNumber = Number(day);
  if (wholeYear < 1900 || wholeYear > 2199 || monthNumber < 1 || monthNumber > 12) return null;
  if (dayNumber < 1 || dayNumber > daysIn(wholeYear, monthNumber)) return null;
  return `${wholeYear}-${String(monthNumber).padStart(2, '0')}-${String(dayNumber).padStart(2, '0')}`;
}

function daysIn(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0);
}

/** Day first where only the numbers tell them apart: most of the world writes so. */
const BY_PREFERENCE: readonly ImportDateFormat[] = importDateFormats;

/**
 * The format in which all texts are dates (`isTold`: whether any is one), and whether another one would read them as well and see other dates. Where no format reads them all, the one that
 * reads the most, so that the preview names the rest.
 *
 * A year of two digits may be any of the three numbers: of formats that read as many, the one that sees the fewest years is taken. One that would scatter a
 * statement over several times as many years, or that takes the year from another place and stretches days to years, does not make it ambiguous.
 */
export function detectDateFormat(texts: readonly string[]): {
  format: ImportDateFormat;
  isTold: boolean;
  isAmbiguous: boolean;
} {
  const readings = BY_PREFERENCE.map((format) => {
    const dates = texts.map((text) => parseDate(text, format));
    const found = dates.filter((date) => date !== null);
    const years = new Set(found.map((date) => date.slice(0, 4))).size;
    return { format, dates, count: found.length, years, spanDays: spanOf(found) };
  });
  const best = readings.reduce((top, next) =>
    next.count > top.count || (next.count === top.count && next.years < top.years) ? next : top,
  );
  const isAmbiguous = readings.some(
    (other) =>
      other.count === best.count &&
      other.years < best.years * SCATTERED &&
      !isStretched(other, best) &&
      other.dates.some((date, index) => date !== best.dates[index]),
  );
  return { format: best.format, isTold: best.count > 0 && !isAmbiguous, isAmbiguous };
}

/** How many times as many years a reading sees that is not to be believed. */
const SCATTERED = 3;
/** How many days, and how many times as many, lie between the dates of a reading that makes years of days. */
const STRETCHED_DAYS = 300;
const STRETCHED = 10;

type Reading = { format: ImportDateFormat; spanDays: number };

/** Whether a reading takes another number for the year, and the dates lie much further apart for it. */
function isStretched({ format, spanDays }: Reading, best: Reading): boolean {
  const isYearElsewhere = READERS[format].order.indexOf('y') !== READERS[best.format].order.indexOf('y');
  return isYearElsewhere && spanDays > STRETCHED_DAYS && spanDays > best.spanDays * STRETCHED;
}

/** The days from the first to the last of dates. */
function spanOf(dates: readonly string[]): number {
  let [first, last] = [dates[0] ?? '', dates[0] ?? ''];
  for (const date of dates) {
    if (date < first) first = date;
    if (date > last) last = date;
  }
  return dates.length === 0 ? 0 : (Date.parse(last) - Date.parse(first)) / 86_400_000;
}
