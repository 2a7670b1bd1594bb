import { IMPORT_ROW_BYTES_MAX } from '@finverse/shared';
import { AppError } from '../../../kernel/errors.ts';

/** A transaction of a statement: its elements by name, as text. */
export type OfxRow = { line: number; fields: ReadonlyMap<string, string> };

/** What the statement says of itself around its transactions. */
const AROUND = new Set(['ACCTID', 'CURDEF']);
/** Aggregates whose elements are not the transaction's own. */
const INSIDE_OTHERS = new Set(['BANKACCTTO', 'CCACCTTO', 'IMAGEDATA']);

/**
 * The transactions of an OFX file, both the SGML of 1.x, whose elements are not closed, and the XML of 2.x, in flat memory: for a list of bank or card
 * transactions both are tags with text behind them. `ACCTID` and `CURDEF` of the statement are added to each.
 *
 * @throws AppError IMPORT_FAULTY for a tag or a text that does not end
 */
export async function* readOfxRows(text: AsyncIterable<string>): AsyncGenerator<OfxRow[]> {
  const around = new Map<string, string>();
  let fields: Map<string, string> | null = null;
  let line = 1;
  let startLine = 1;
  let within: string | null = null;
  let rest = '';
  for await (const piece of text) {
    const rows: OfxRow[] = [];
    const finish = () => {
      if (fields) rows.push({ line: startLine, fields });
      fields = null;
    };
    rest += piece;
    let at = 0;
    for (;;) {
      const open = rest.indexOf('<', at);
      // Text is complete once the next tag begins.
      const token = open < 0 ? null : tokenAt(rest, open);
      if (!token) break;
      const { name, isClosing, value, end } = token;
      for (let index = at; index < open; index += 1) if (rest.charCodeAt(index) === 10) line += 1;
      if (name === 'STMTTRN') {
        finish();
        if (!isClosing) [fields, startLine, within] = [new Map(around), line, null];
      } else if (INSIDE_OTHERS.has(name)) {
        within = isClosing ? null : name;
      } else if (!isClosing && value !== '' && within === null) {
        if (fields && !fields.has(name)) fields.set(name, value);
        else if (AROUND.has(name)) around.set(name, value);
      }
      // `end` is the next tag, so the lines of the value are counted with what lies before that one.
      for (let index = open; index < end; index += 1) if (rest.charCodeAt(index) === 10) line += 1;
      at = end;
    }
    rest = rest.slice(at);
    if (rest.length > IMPORT_ROW_BYTES_MAX) {
      throw new AppError('IMPORT_FAULTY', `The file is no OFX: from line ${line} on a tag or a text does not end.`);
    }
    yield rows;
  }
  if (fields) yield [{ line: startLine, fields }];
}

const CDATA = '<![CDATA[';
const TAG = /<(\/?)([A-Za-z0-9._]{1,64})(?:\s[^<>]*)?(\/?)>/y;

/** The tag at a place and the text up to the next one; null where the end of either has not come yet. */
function tokenAt(text: string, open: number): { name: string; isClosing: boolean; value: string; end: number } | null {
  TAG.lastIndex = open;
  const match = TAG.exec(text);
  if (!match) {
    // A comment, a declaration, a CDATA section out of place, or a lone "<": of no meaning here.
    const close = text.indexOf('>', open);
    return close < 0 ? null : { name: '', isClosing: true, value: '', end: close + 1 };
  }
  const start = open + match[0].length;
  let next = text.indexOf('<', start);
  let value = '';
  // Cut within what may become the mark of a CDATA section.
  if (next >= 0 && CDATA.startsWith(text.slice(next, next + CDATA.length)) && text.length - next < CDATA.length)
    return null;
  if (next >= 0 && text.startsWith(CDATA, next) && text.slice(start, next).trim() === '') {
    const close = text.indexOf(']]>', next);
    if (close < 0) return null;
    value = text.slice(next + CDATA.length, close);
    next = close + 3;
  } else {
    if (next < 0) return null;
    value = decodeEntities(text.slice(start, next)).trim();
  }
  const isClosing = match[1] === '/' || match[3] === '/';
  return { name: (match[2] ?? '').toUpperCase(), isClosing, value: isClosing ? '' : value, end: next };
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
