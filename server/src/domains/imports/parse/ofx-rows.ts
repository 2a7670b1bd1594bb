import { IMPORT_ROW_BYTES_MAX } from '@finverse/shared';
import { AppError } from '../../../kernel/errors.ts';

/** A transaction of a statement: those of its elements that are read, by name, as text, and the characters that these have. */
export type OfxRow = { line: number; characters: number; fields: ReadonlyMap<string, string> };

/** The field of the currency that a transaction's amount is in where that is not the statement's; `ORIGCURRENCY` is only what it was converted from. */
export const CURRENCY_OF_AMOUNT = 'CURRENCY.CURSYM';

/** The aggregate that a trade or a dividend of an investment account begins with, and the field of a row that is one. */
export const TRADE = 'INVTRAN';

/** The elements of a transaction that are read. */
const READ = new Set([
  'TRNTYPE',
  'DTPOSTED',
  'TRNAMT',
  'FITID',
  'CHECKNUM',
  'NAME',
  'PAYEE',
  'MEMO',
  CURRENCY_OF_AMOUNT,
  'CORRECTFITID',
  'CORRECTACTION',
]);
/** What the statement says of itself around its transactions, and the aggregates that begin another account. */
const AROUND = new Set(['BANKID', 'ACCTID', 'ACCTTYPE', 'CURDEF']);
/** The longest of these; they stand beside every transaction. */
const AROUND_CHARACTERS_MAX = 200;
/** Transactions that are read without a pause, which others have to wait for. */
const ROWS_AT_A_TIME = 500;
const ACCOUNTS = new Set(['BANKACCTFROM', 'CCACCTFROM', 'INVACCTFROM']);
/** Aggregates whose elements are not the transaction's own. */
const INSIDE_OTHERS = new Set(['BANKACCTTO', 'CCACCTTO', 'IMAGEDATA', 'CURRENCY', 'ORIGCURRENCY']);
/** What follows the transactions, which SGML need not close. */
const BEHIND = new Set(['BANKTRANLIST', 'BANKTRANLISTP', 'STMTTRNP', 'LEDGERBAL', 'AVAILBAL']);

/**
 * The transactions of an OFX file, both the SGML of 1.x, whose elements are not closed, and the XML of 2.x, in flat memory: for a list of bank or card
 * transactions both are tags with text behind them. `BANKID`, `ACCTID`, `ACCTTYPE` and `CURDEF` of the statement are added to each. They come some hundreds
 * at a time. A trade or a dividend of an investment account is a row as well, of which nothing is read.
 *
 * @throws AppError IMPORT_FAULTY for a tag or a text that does not end, a transaction that is larger than a row may be, and at the end of a file that was cut off: its last transaction may lack its id, and
 * would be another one when the whole file comes
 */
export async function* readOfxRows(text: AsyncIterable<string>): AsyncGenerator<OfxRow[]> {
  const around = new Map<string, string>();
  let fields: Map<string, string> | null = null;
  let characters = 0;
  let line = 1;
  let startLine = 1;
  let within: string | null = null;
  let isEnded = false;
  let rest = '';
  for await (const piece of text) {
    let rows: OfxRow[] = [];
    const finish = () => {
      if (fields) rows.push({ line: startLine, characters, fields });
      fields = null;
    };
    rest += piece;
    let at = 0;
    for (;;) {
      const markup = markupAt(rest, at);
      const token = markup && tokenAt(rest, markup);
      if (!token) break;
      const open = markup.start;
      const { name, isClosing, value, end } = token;
      for (let index = at; index < open; index += 1) if (rest.charCodeAt(index) === 10) line += 1;
      if (name === 'OFX') isEnded = isClosing;
      if (name === 'STMTTRN') {
        finish();
        if (!isClosing) [fields, characters, startLine, within] = [new Map(around), 0, line, null];
      } else if (name === TRADE) {
        finish();
        if (!isClosing) rows.push({ line, characters: 0, fields: new Map([...around, [TRADE, '']]) });
      } else if (BEHIND.has(name)) {
        finish();
        within = null;
      } else if (INSIDE_OTHERS.has(name)) {
        within = isClosing ? null : name;
      } else if (ACCOUNTS.has(name)) {
        within = null;
        if (!isClosing) for (const each of ['BANKID', 'ACCTID', 'ACCTTYPE']) around.delete(each);
      } else if (!isClosing && value !== '') {
        const field = within === null ? name : `${within}.${name}`;
        if (fields && READ.has(field) && !fields.has(field)) {
          fields.set(field, value);
          characters += value.length;
          if (characters > IMPORT_ROW_BYTES_MAX) throw tooLarge(startLine, 'transaction', IMPORT_ROW_BYTES_MAX);
        } else if (!fields && within === null && AROUND.has(name)) {
          if (value.length > AROUND_CHARACTERS_MAX) throw tooLarge(line, name, AROUND_CHARACTERS_MAX);
          around.set(name, value);
        }
      }
      // `end` is the next tag, so the lines of the value are counted with what lies before that one.
      for (let index = open; index < end; index += 1) if (rest.charCodeAt(index) === 10) line += 1;
      at = end;
      if (rows.length < ROWS_AT_A_TIME) continue;
      yield rows;
      rows = [];
    }
    rest = rest.slice(at);
    if (rest.length > IMPORT_ROW_BYTES_MAX) {
      throw new AppError('IMPORT_FAULTY', `The file is no OFX: from line ${line} on a tag or a text does not end.`);
    }
    yield rows;
  }
  if (!isEnded)
    throw new AppError('IMPORT_FAULTY', `Line ${line}: the file ends before </OFX>, so it is not whole: get it again.`);
  if (fields) yield [{ line: startLine, characters, fields }];
}

function tooLarge(line: number, what: string, max: number): AppError {
  return new AppError('IMPORT_FAULTY', `Line ${line}: the ${what} has more than ${max} characters.`);
}

const CDATA = '<![CDATA[';
const TAG = /<(\/?)([A-Za-z][A-Za-z0-9._]{0,63})(?:\s[^<>]*)?(\/?)>/y;

/**
 * The next tag, comment, declaration or CDATA section; null where none begins, or it cannot be told yet. A `<` that begins none of these is part of the text,
 * as in `A < B`.
 */
function markupAt(text: string, from: number): { start: number; end: number } | null {
  for (let start = text.indexOf('<', from); start >= 0; start = text.indexOf('<', start + 1)) {
    const end = endOfMarkup(text, start);
    if (end === 'incomplete') return null;
    if (end !== 'text') return { start, end };
  }
  return null;
}

function endOfMarkup(text: string, start: number): number | 'incomplete' | 'text' {
  for (const [mark, close] of [
    [CDATA, ']]>'],
    ['<!--', '-->'],
  ] as const) {
    // Cut within what may become the mark.
    if (mark.startsWith(text.slice(start, start + mark.length)) && text.length - start < mark.length)
      return 'incomplete';
    if (!text.startsWith(mark, start)) continue;
    const end = text.indexOf(close, start + mark.length);
    return end < 0 ? 'incomplete' : end + close.length;
  }
  TAG.lastIndex = start;
  const tag = TAG.exec(text);
  if (tag) return start + tag[0].length;
  const stop = /[<>]/.exec(text.slice(start + 1, start + 1 + MARKUP_CHARACTERS_MAX));
  if (!stop && text.length - start <= MARKUP_CHARACTERS_MAX) return 'incomplete';
  return stop?.[0] === '>' && /^[!?]/.test(text.slice(start + 1)) ? start + 2 + stop.index : 'text';
}

/** No tag is longer. */
const MARKUP_CHARACTERS_MAX = 2000;

/** A tag and the text up to the next one; null where the end of the text has not come yet. Behind `</OFX>` none is looked for. */
function tokenAt(
  text: string,
  { start, end: endOfTag }: { start: number; end: number },
): { name: string; isClosing: boolean; value: string; end: number } | null {
  TAG.lastIndex = start;
  const match = TAG.exec(text);
  // A comment, a declaration, or a CDATA section out of place: of no meaning here.
  if (!match) return { name: '', isClosing: true, value: '', end: endOfTag };
  const isClosing = match[1] === '/' || match[3] === '/';
  const name = (match[2] ?? '').toUpperCase();
  const next = markupAt(text, endOfTag);
  if (!next) return name === 'OFX' && isClosing ? { name, isClosing, value: '', end: endOfTag } : null;
  const before = text.slice(endOfTag, next.start);
  const isSection = text.startsWith(CDATA, next.start) && before.trim() === '';
  const value = isSection ? text.slice(next.start + CDATA.length, next.end - 3) : decodeEntities(before).trim();
  return { name, isClosing, value: isClosing ? '' : value, end: isSection ? next.end : next.start };
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,6});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    const isScalar = code > 0 && code <= 0x10_ffff && !(code >= 0xd800 && code <= 0xdfff);
    return isScalar ? String.fromCodePoint(code) : whole;
  });
}

/** The encoding that the head of an OFX file names, where it does. */
export function ofxEncoding(head: string): string | null {
  const xml = /<\?xml[^>]*encoding=["']([\w.-]+)["']/i.exec(head)?.[1];
  if (xml) return xml.toLowerCase();
  const isUtf8 = /^\s*ENCODING:\s*(UTF-?8|UNICODE)/im.test(head);
  if (isUtf8) return 'utf-8';
  const charset = /^\s*CHARSET:\s*([\w-]+)/im.exec(head)?.[1]?.toUpperCase();
  if (charset === undefined || charset === 'NONE') return null;
  return /^\d+$/.test(charset) ? `windows-${charset}` : charset.toLowerCase();
}

/** True where the text begins as an OFX file does. */
export function looksLikeOfx(head: string): boolean {
  return /^\s*OFXHEADER\s*:/i.test(head) || /^\s*(?:<\?[^>]*\?>\s*)*<OFX>/i.test(head);
}
