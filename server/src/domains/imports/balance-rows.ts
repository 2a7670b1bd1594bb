import type { Judged } from './judge-rows.ts';
import { plainName } from './parse/column-names.ts';

/** What banks call lines of a statement that are balances or sums, in lower case without accents. */
const BALANCES = new Set([
  'opening balance',
  'closing balance',
  'starting balance',
  'beginning balance',
  'ending balance',
  'previous balance',
  'new balance',
  'balance brought forward',
  'balance carried forward',
  'brought forward',
  'carried forward',
  'anfangssaldo',
  'endsaldo',
  'schlusssaldo',
  'saldovortrag',
  'kontostand',
  'alter kontostand',
  'neuer kontostand',
  'saldo',
  'summe',
  'gesamtsumme',
  'solde',
  'ancien solde',
  'nouveau solde',
  'solde precedent',
  'saldo inicial',
  'saldo anterior',
  'saldo final',
  'saldo iniziale',
  'saldo finale',
  'beginsaldo',
  'eindsaldo',
  'saldo do dia',
  's a l d o',
  'ingaende saldo',
  'utgaende saldo',
  'saldo poczatkowe',
  'saldo koncowe',
  'total',
  'totals',
  'subtotal',
  'totale',
  'totaal',
  'sum',
  'suma',
  'totais',
]);

/** New rows that look like balances or sums: how many, and the line of the first. */
export type BalanceRows = { count: number; firstLine: number | null };

export const NO_BALANCE_ROWS: BalanceRows = { count: 0, firstLine: null };

/** Adds those of a batch: new rows of which every text is what banks call a balance or a sum. */
export function addBalanceRows({ count, firstLine }: BalanceRows, judged: readonly Judged[]): BalanceRows {
  const lines = judged.flatMap(({ outcome, row: { draft, line } }) => {
    if (outcome !== 'new' || draft.kind !== 'transaction') return [];
    const texts = [draft.input.payee, draft.input.description].filter(Boolean).map(balanceName);
    return texts.length > 0 && texts.every((text) => BALANCES.has(text)) ? [line] : [];
  });
  return { count: count + lines.length, firstLine: firstLine ?? lines[0] ?? null };
}

/** What is said of them: they are imported, since a person may be called so. */
export function balanceWarnings({ count, firstLine }: BalanceRows): string[] {
  if (firstLine === null) return [];
  return [
    `${count} of the new rows look like balances or sums rather than transactions, the first on line ${firstLine}. They are imported all the same: where that is wrong, leave them out of the file.`,
  ];
}

function balanceName(text: string): string {
  return plainName(text).replace(/[.:]+$/, '');
}
