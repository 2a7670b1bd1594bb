/**
 * A field as a person would say it. For texts that are kept or read: the API has two spellings of a field's name, and a text is the same in both.
 *
 * @example fieldWords('transfer.toAccountId') // 'transfer to account'
 * @example fieldWords('splits.0.categoryId') // 'splits 1 category'
 */
export function fieldWords(path: string): string {
  return path
    .split('.')
    .map((step) => (/^\d+$/.test(step) ? String(Number(step) + 1) : wordsOf(step)))
    .join(' ');
}

function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/(?<=account|category) id$/, '');
}
