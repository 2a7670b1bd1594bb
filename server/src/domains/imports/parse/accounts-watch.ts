import type { ImportField } from '@finverse/shared';
import { plainName } from './column-names.ts';
import { ACCOUNTS } from './unread-names.ts';

type Seen = { name: string; place: number; filled: number; first: string; other: string };

/** The share of rows of a column that have an account from which on it names the file's own, and not that of another party. */
const NEARLY_ALL = 0.95;

/** Looks, row by row, at columns that name the account of a file and that nobody reads: whether it is of several accounts, whose rows all go into one. */
export class AccountsWatch {
  #columns: Seen[] = [];
  #rows = 0;

  /** Looks at the columns of this header that are at none of the places which are read. */
  begin(header: readonly string[] | null, places: Partial<Record<ImportField, number>>): void {
    const used = new Set(Object.values(places));
    const isUnread = ({ name, place }: { name: string; place: number }) =>
      !used.has(place) && ACCOUNTS.has(plainName(name));
    const columns = places.account === undefined ? (header ?? []) : [];
    this.#columns = columns.map((name, place) => ({ name, place, filled: 0, first: '', other: '' })).filter(isUnread);
    this.#rows = 0;
  }

  see(cells: readonly string[]): void {
    this.#rows += 1;
    for (const column of this.#columns) {
      const cell = cells[column.place]?.trim() ?? '';
      if (cell === '') continue;
      column.filled += 1;
      if (column.first === '') column.first = cell;
      else if (column.other === '' && cell !== column.first) column.other = cell;
    }
  }

  warnings(): string[] {
    return this.#columns.flatMap(({ name, filled, first, other }) => {
      if (other === '' || filled < this.#rows * NEARLY_ALL) return [];
      const [column, one, two] = [name, first, other].map((text) => `“${text.slice(0, TEXT_MAX)}”`);
      return [
        `The column ${column} names several accounts, such as ${one} and ${two}, and is not read: all rows go into one account. Import the rows of each on their own.`,
      ];
    });
  }
}

/** The characters of a name that a warning shows. */
const TEXT_MAX = 60;
