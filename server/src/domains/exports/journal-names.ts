import { ancestry } from '../categories/index.ts';
import type { ExportBook } from './export-book.ts';

/** The names of a journal's accounts. */
export type JournalNames = {
  account(id: string): string;
  /** On the side of the category, so that a refund lowers what it was spent for; of one for both, and of none, on that of the transaction. */
  category(kind: 'income' | 'expense', id: string | null): string;
};

/**
 * Names that hledger reads as one account each: what would end a name, begin a comment or add a level is percent-encoded, and where two names would be the same
 * the id tells them apart.
 */
export function journalNames({ accounts, categories }: Pick<ExportBook, 'accounts' | 'categories'>): JournalNames {
  const accountNames = unique(
    [...accounts.values()].map(({ id, name, type }) => [
      id,
      `${type === 'credit' ? 'liabilities' : 'assets'}:${part(name)}`,
    ]),
  );
  const categoryNames = unique(
    [...categories.keys()].map((id) => [
      id,
      ancestry(categories, id)
        .map(({ name }) => part(name))
        .join(':'),
    ]),
  );
  return {
    account: (id) => accountNames.get(id) ?? `assets:${id}`,
    category: (kind, id) => {
      const own = id === null ? undefined : categories.get(id)?.kind;
      const top = (own === undefined || own === 'both' ? kind : own) === 'income' ? 'income' : 'expenses';
      return id === null ? top : `${top}:${categoryNames.get(id) ?? id}`;
    },
  };
}

function unique(names: readonly (readonly [id: string, name: string])[]): Map<string, string> {
  const counts = new Map<string, number>();
  for (const [, name] of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map(names.map(([id, name]) => [id, (counts.get(name) ?? 0) > 1 ? `${name} [${id}]` : name]));
}

/** One level of an account's name. */
function part(name: string): string {
  return name
    .replace(/\s+/gu, ' ')
    .trim()
    .replace(/[%:;"]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}
