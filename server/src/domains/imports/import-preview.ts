import {
  IMPORT_FAULTS_MAX,
  IMPORT_PREVIEW_ROWS_MAX,
  type ImportFault,
  type ImportPreviewOut,
  type ImportPreviewQuery,
} from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import type { AccountRecord, Units } from '../ledger/index.ts';
import { toTransactionOut } from '../transactions/index.ts';
import { addBalanceRows, balanceWarnings, NO_BALANCE_ROWS } from './balance-rows.ts';
import { readBook } from './book.ts';
import { addMovements, creditWarnings } from './credit-limits.ts';
import { type ImportRecord, toImportOut } from './imports.repository.ts';
import { addStandings, type Judged, judgeRows, NO_STANDINGS, standingWarnings } from './judge-rows.ts';
import { findPossibleDuplicates, Matched, partlyWarnings, possibleWarnings } from './possible-duplicates.ts';
import { AccountsWatch } from './parse/accounts-watch.ts';
import { sniffFile } from './parse/sniff.ts';
import { readDrafts, type ReadRow } from './read-drafts.ts';
import { identifyRows } from './row-ids.ts';

type Preview = {
  record: ImportRecord;
  /** The account of rows that name none. */
  account: AccountRecord;
  path: string;
  query: ImportPreviewQuery;
};

/**
 * What an import would do with the first 50,000 rows of its file, by the ledger as it is. Writes nothing.
 *
 * @throws AppError IMPORT_FAULTY, VALIDATION_FAILED; see {@link readDrafts}
 */
export async function previewImport(
  em: SqlEntityManager,
  dialect: Dialect,
  { record, account, path, query }: Preview,
): Promise<ImportPreviewOut> {
  const { limit, restoreDeleted } = query;
  const { userId, source, format, settings, accountId, fileBytes } = record;
  const { columnNames } = await sniffFile(path, { format, given: settings, remembered: null, currency: null });
  const book = await readBook(em, dialect, userId);
  const judging = { dialect, userId, source, restoresDeleted: restoreDeleted, book, seen: new Set<string>() };
  const judge = (part: readonly ReadRow[], appliesRules: boolean) =>
    judgeRows(em, { ...judging, appliesRules }, part, { idOf: String, nowMs: 0 });
  const rows: ImportPreviewOut['rows'] = [];
  const faults: ImportFault[] = [];
  const counts = { read: 0, new: 0, duplicate: 0, faulty: 0 };
  // Nothing of the import is there yet.
  const comparing = { dialect, userId, source, matched: new Matched(), isOwn: () => false };
  const movements = new Map<string, Units>();
  let standings = NO_STANDINGS;
  let possibleDuplicates = 0;
  let balances = NO_BALANCE_ROWS;
  let isWhole = true;
  let isComplete = true;
  const reading = { path, fileBytes, format, settings, accountId, accountCurrency: account.currency, source, book };
  const accounts = new AccountsWatch();
  for await (const batch of identifyRows(readDrafts({ ...reading, accounts }), format)) {
    const part = batch.slice(0, IMPORT_PREVIEW_ROWS_MAX - counts.read);
    // Rules change what a row looks like and not what becomes of it, so they are asked for the rows that are shown, however many there are.
    const shown = part.slice(0, limit - rows.length);
    const judged = [...(await judge(shown, settings.appliesRules)), ...(await judge(part.slice(shown.length), false))];
    standings = addStandings(standings, judged);
    balances = addBalanceRows(balances, judged);
    addMovements(movements, judged);
    const possible = await findPossibleDuplicates(em, comparing, judged);
    comparing.matched.add(possible.taken);
    possibleDuplicates += possible.ids.size;
    isWhole &&= possible.isWhole;
    for (const each of judged) {
      counts.read += 1;
      counts[each.outcome] += 1;
      if (rows.length < limit) rows.push(toPreviewRow(each, possible.ids.get(each) ?? null));
      if (each.outcome !== 'faulty') continue;
      for (const fault of each.faults)
        if (faults.length < IMPORT_FAULTS_MAX) faults.push({ line: each.row.line, ...fault });
    }
    if (counts.read < IMPORT_PREVIEW_ROWS_MAX) continue;
    isComplete = false;
    break;
  }
  const warnings = [
    ...record.warnings,
    // Those that the beginning of the file has not told.
    ...accounts.warnings().filter((warning) => !record.warnings.includes(warning)),
    ...standingWarnings(standings),
    ...possibleWarnings(possibleDuplicates),
    ...partlyWarnings(isWhole),
    ...balanceWarnings(balances),
    // What is not read may bring back what it would take.
    ...(isComplete ? await creditWarnings(em, dialect, { userId, movements }) : []),
  ];
  const { deleted } = standings;
  return {
    import: toImportOut(record),
    columnNames,
    warnings,
    rows,
    counts: { ...counts, deleted, possibleDuplicates },
    isComplete,
    faults,
  };
}

function toPreviewRow(judged: Judged, possibleDuplicateOf: string | null): ImportPreviewOut['rows'][number] {
  const { draft, line } = judged.row;
  const record = judged.outcome === 'new' ? judged.record : null;
  return {
    line,
    outcome: judged.outcome,
    isDeleted: judged.outcome === 'duplicate' && judged.standing === 'deleted',
    possibleDuplicateOf,
    // The answer's schema leaves out what only a transaction that is there has.
    transaction: record && draft.kind === 'transaction' ? toTransactionOut(record) : null,
  };
}
