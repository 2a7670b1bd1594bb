/**
 * Tags and texts as comments of a journal. hledger takes a word before a colon for the name of a tag, wherever in a comment it stands, ends a tag at a comma, and a date in
 * brackets beside a posting for that posting's own. What would be read so and is not meant so is percent-encoded, and so is the percent sign: decoding gives the text.
 */

const MARGIN = '    ; ';

/** The tags of a transaction as a line of tags without values, to be asked for by name (`hledger bal tag:NAME`); empty where there are none. */
export function tagLine(tags: readonly string[]): string {
  if (tags.length === 0) return '';
  return `${MARGIN}${tags.map((tag) => `${encoded(tag, /[%:,\s\u0085]/gu)}:`).join(', ')}\n`;
}

/** A text of many lines, each a comment of its own; empty for none. */
export function noteLines(note: string): string {
  if (note.trim() === '') return '';
  const lines = note.split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/);
  return lines.map((line) => `${`${MARGIN}${commentText(line)}`.trimEnd()}\n`).join('');
}

/** A text behind a posting, on its line; empty for none. */
export function postingComment(note: string): string {
  const text = commentText(note.replace(/\s+/gu, ' '));
  return text === '' ? '' : `  ; ${text}`;
}

function commentText(text: string): string {
  return encoded(text.trim(), /%|(?<=\S):|\[(?=[\d/.=-])/gu);
}

function encoded(text: string, marks: RegExp): string {
  return text.replace(marks, (mark) => encodeURIComponent(mark));
}
