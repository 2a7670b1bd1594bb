import { plainName } from './column-names.ts';

/** What banks call money that goes and money that comes, in lower case without accents. */
const EXPENSE = new Set(
  'expense debit debits dbit dbt deb d dr debet debito soll s af out withdrawal cargo debe dare wn ausgabe ausgang depense gasto uscita uitgave - obciazenie 支出'.split(
    ' ',
  ),
);
const INCOME = new Set(
  'income credit credits crdt cred c cr credito haben h bij in deposit abono haber avere ma einnahme eingang recette ingreso entrata inkomst + uznanie 收入'.split(
    ' ',
  ),
);

/** Whether a word says that money goes or comes; null for one that says neither. */
export function directionOf(word: string): 'expense' | 'income' | null {
  return plainDirection(word.toLowerCase()) ?? plainDirection(plainName(word));
}

function plainDirection(plain: string): 'expense' | 'income' | null {
  if (EXPENSE.has(plain)) return 'expense';
  return INCOME.has(plain) ? 'income' : null;
}

/** Says of each amount other than zero, in the order of the file, whether its sign is that of the first. */
export function signWatch(): (units: bigint) => boolean {
  let isFirstBelow: boolean | null = null;
  return (units) => {
    isFirstBelow ??= units < 0n;
    return isFirstBelow === units < 0n;
  };
}
