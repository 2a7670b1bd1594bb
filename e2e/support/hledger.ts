import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// hledger, an accounting program of other people, reads our journal.
const PROGRAM = 'hledger';

/** Whether hledger is on the PATH. Says so where it is not; with CI=true its absence is an error. */
export function hasHledger(): boolean {
  try {
    execFileSync(PROGRAM, ['--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env['CI'] === 'true') throw new Error('hledger is not on the PATH', { cause: error });
    console.log('left out: hledger is not on the PATH, so the journal is not checked with it');
    return false;
  }
}

/** A report on a journal as rows of CSV, the header left out. */
export function hledger(journal: string, ...report: string[]): string[][] {
  return reportOn(journal, [...report, '-O', 'csv'])
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => [...line.matchAll(/"((?:[^"]|"")*)"/g)].map(([, cell = '']) => cell.replaceAll('""', '"')));
}

/** What hledger knows of a transaction: its code, its mark, the names of its tags, its comment, and marks, names and comments of its postings. */
export type JournalTransaction = {
  tcode: string;
  tstatus: 'Unmarked' | 'Pending' | 'Cleared';
  ttags: readonly (readonly [name: string, value: string])[];
  tcomment: string;
  tpostings: readonly {
    pstatus: JournalTransaction['tstatus'];
    paccount: string;
    ptags: readonly (readonly [name: string, value: string])[];
    pcomment: string;
  }[];
};

/** The transactions of a journal as hledger reads them. */
export function hledgerTransactions(journal: string): JournalTransaction[] {
  return JSON.parse(reportOn(journal, ['print', '-O', 'json'])) as JournalTransaction[];
}

function reportOn(journal: string, report: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'finverse-hledger-'));
  try {
    const file = join(folder, 'ledger.journal');
    writeFileSync(file, journal);
    // Without this hledger would make up a price for a transfer between currencies that names none.
    execFileSync(PROGRAM, ['-f', file, 'check', 'balancednoautoconversion'], { stdio: ['ignore', 'ignore', 'pipe'] });
    return execFileSync(PROGRAM, ['-f', file, ...report], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: { ...process.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
