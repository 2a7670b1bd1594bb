/** A row in a text: its cells, where the next one begins, the line ends up to there, and why it cannot be trusted. */
export type CsvRow = { cells: string[]; end: number; lines: number; fault: string | null };

const LINE_END = /[\r\n]/g;

/**
 * Reads the row that begins at a place of a text, by RFC 4180. A quote within a cell that does not begin with one is part of its text, and so are the quotes
 * of a cell such as `"Big" Shop`, whose closing quote stands before more text.
 *
 * Where such a closing quote stands on a later line, it is that of another cell: the first quote was never closed. The row is then the first line alone, at
 * fault, so that the lines behind it are rows of their own instead of a part of its text.
 *
 * @returns 'incomplete' where the row's end has not come yet (never where `isEnd`), 'unclosed' where the text ends within quotes
 */
export function readCsvRow(
  text: string,
  start: number,
  { delimiter, isEnd }: { delimiter: string; isEnd: boolean },
): CsvRow | 'incomplete' | 'unclosed' {
  const firstEnd = lineEndAt(text, start, isEnd);
  if (firstEnd) {
    const line = text.slice(start, firstEnd.from);
    if (!line.includes('"')) {
      return { cells: line.split(delimiter), end: firstEnd.to, lines: 1, fault: null };
    }
  }
  const cells: string[] = [];
  for (let at = start; ;) {
    const cell = text.startsWith('"', at) ? quotedCell(text, at, delimiter, isEnd) : plainCell(text, at, delimiter);
    if (cell === 'incomplete' || cell === 'unclosed') return cell;
    if (cell === 'astray') {
      if (!firstEnd) return 'incomplete';
      return { cells: [], end: firstEnd.to, lines: 1, fault: 'has a quote that is not closed' };
    }
    cells.push(cell.text);
    if (text.startsWith(delimiter, cell.end)) {
      at = cell.end + 1;
      continue;
    }
    const lineEnd = lineEndAt(text, cell.end, isEnd);
    if (!lineEnd) return 'incomplete';
    const lines = countLineEnds(text.slice(start, lineEnd.from)) + 1;
    return { cells, end: lineEnd.to, lines, fault: null };
  }
}

/** The next line end, be it \r\n, \n, \r or the end of the text; null where it has not come yet. */
function lineEndAt(text: string, start: number, isEnd: boolean): { from: number; to: number } | null {
  LINE_END.lastIndex = start;
  const from = LINE_END.exec(text)?.index;
  if (from === undefined) return isEnd ? { from: text.length, to: text.length } : null;
  if (text[from] === '\n') return { from, to: from + 1 };
  // A \n that belongs to it may come yet.
  if (from + 1 === text.length && !isEnd) return null;
  return { from, to: text[from + 1] === '\n' ? from + 2 : from + 1 };
}

function plainCell(text: string, start: number, delimiter: string): { text: string; end: number } {
  let end = start;
  for (; end < text.length; end += 1) {
    const character = text[end];
    if (character === delimiter || character === '\n' || character === '\r') break;
  }
  return { text: text.slice(start, end), end };
}

function quotedCell(
  text: string,
  start: number,
  delimiter: string,
  isEnd: boolean,
): { text: string; end: number } | 'incomplete' | 'unclosed' | 'astray' {
  for (let from = start + 1; ;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return 'unclosed';
    const next = text[quote + 1];
    if (next === undefined && !isEnd) return 'incomplete';
    if (next === '"') {
      from = quote + 2;
      continue;
    }
    const inner = text.slice(start + 1, quote);
    if (next === undefined || next === delimiter || next === '\n' || next === '\r')
      return { text: inner.replaceAll('""', '"'), end: quote + 1 };
    return /[\r\n]/.test(inner) ? 'astray' : plainCell(text, start, delimiter);
  }
}

function countLineEnds(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}
