/** How files begin that people have of their bank beside those that can be read. */
const MARKS: readonly [mark: string, kind: string][] = [
  ['PK\u0003\u0004', 'an Excel file or another archive'],
  ['\u00d0\u00cf\u0011\u00e0', 'an old Excel file'],
  ['%PDF-', 'a PDF'],
];

/** Control characters that texts have: those of lines and of shifts between character sets. */
const TEXT_CONTROLS: ReadonlySet<number> = new Set([9, 10, 11, 12, 13, 14, 15, 26, 27]);
/** The share of other ones from which on a file is no text. Compressed data has twice as many; a damaged cell of a text is a fault of its row. */
const CONTROLS_SHARE_MAX = 0.05;

/** What a file is that is no text, by its beginning, for a message; null for a text. `isWide`: it is UTF-16, half of whose bytes are zero. */
export function binaryKindOf(sample: Buffer, isWide: boolean): string | null {
  const start = sample.subarray(0, 64).toString('latin1').trimStart();
  const marked = MARKS.find(([mark]) => start.startsWith(mark));
  if (marked) return marked[1];
  if (isWide) return null;
  const controls = sample.reduce((count, byte) => (byte < 32 && !TEXT_CONTROLS.has(byte) ? count + 1 : count), 0);
  return controls > sample.length * CONTROLS_SHARE_MAX ? 'no text' : null;
}
