import { endOfString } from '../trpc/limits.ts';

type Level = { names: Set<string> | null; step: string };

/**
 * The dotted path of the first name that stands twice in one object of a JSON text, as it is written; null where none does.
 *
 * JSON.parse keeps the last of them, others the first (RFC 8259, 4: what happens is unpredictable), so of two amounts nobody knows which is meant. It looks at
 * each character once. For a text that nests no deeper than an input may; what is no JSON is for the parser to refuse.
 *
 * @example repeatedName('{"splits":[{"amount":"1","amount":"2"}]}') // 'splits.0.amount'
 */
export function repeatedName(json: string): string | null {
  const levels: Level[] = [];
  let isName = false;
  const mark = /[",[\]{}]/g;
  while (mark.test(json)) {
    const level = levels.at(-1);
    const found = json.charAt(mark.lastIndex - 1);
    if (found === '"') {
      const end = endOfString(json, mark.lastIndex);
      if (isName && level?.names) {
        level.step = textOf(json.slice(mark.lastIndex, end));
        if (level.names.has(level.step)) return levels.map(({ step }) => step).join('.');
        level.names.add(level.step);
        isName = false;
      }
      mark.lastIndex = end + 1;
    } else if (found === ',') {
      isName = Boolean(level?.names);
      if (level?.names === null) level.step = String(Number(level.step) + 1);
    } else if (found === '{' || found === '[') {
      isName = found === '{';
      levels.push(isName ? { names: new Set(), step: '' } : { names: null, step: '0' });
    } else {
      isName = false;
      levels.pop();
    }
  }
  return null;
}

/** What stands between the quotes of a JSON string; one that is none stays as it is written. */
function textOf(written: string): string {
  if (!written.includes('\\')) return written;
  try {
    return JSON.parse(`"${written}"`) as string;
  } catch {
    return written;
  }
}
