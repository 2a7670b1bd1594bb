/**
 * Import of a CSV file into MariaDB and SQLite: rows a second, peak memory, and the ratio to a bare loop in the same run that parses the same file and fills the same
 * two tables.
 *
 *   --rows N     rows of the file (default 100,000)
 *   --full       100,000 and 1,000,000
 *   --rounds N   import and floor in turn, so many times (default 3; 1 above 100,000); the medians are printed
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Database, openDatabase, transact } from '../server/src/db/index.ts';
import { AuthService } from '../server/src/domains/auth/index.ts';
import { checkLedger } from '../server/src/domains/ledger/index.ts';
import { entities } from '../server/src/entities.ts';
import { systemClock } from '../server/src/kernel/clock.ts';
import { createLedgerServices } from '../server/src/ledger-services.ts';
import { measureInChild } from './support/child.ts';
import { type BenchDatabases, type DatabaseKind, startDatabases } from './support/databases.ts';
import { describeMachine } from './support/machine.ts';
import { format, median, printTable } from './support/stats.ts';

type Measured = { elapsedMs: number; cpuMs: number; startMb: number; peakMb: number };

const MANY = 100_000;

const { values: options } = parseArgs({
  options: { rows: { type: 'string' }, full: { type: 'boolean' }, rounds: { type: 'string' } },
});
const sizes = options.full ? [MANY, 1_000_000] : [Number(options.rows ?? MANY)];

console.log(`Import\n${describeMachine()}`);
const databases = await startDatabases();
const folder = await mkdtemp(join(tmpdir(), 'finverse-bench-import-'));
const table: string[][] = [];
for (const rows of sizes) {
  const file = await writeFile(rows);
  for (const kind of databases.kinds) table.push(await measure(databases, kind, file, rows));
}
await databases.stop();
await rm(folder, { recursive: true, force: true });
printTable(
  [
    'rows',
    'database',
    'import, rows/s',
    'floor, rows/s',
    'ratio',
    'CPU s, import / floor',
    'import peak MB (at start)',
    'floor peak MB',
  ],
  table,
);

/** A statement of some years: days in order, few shops, amounts of every size. */
async function writeFile(rows: number): Promise<string> {
  const path = join(folder, `${rows}.csv`);
  const out = createWriteStream(path);
  out.write('Date,Payee,Description,Amount\n');
  const start = Date.UTC(2016, 0, 1);
  for (let row = 0; row < rows; row += 1) {
    const date = new Date(start + Math.floor((row * 3650) / rows) * 86_400_000).toISOString().slice(0, 10);
    const cents = ((row * 7919) % 20_000) + 1;
    const amount = `${row % 12 === 0 ? '' : '-'}${(cents / 100).toFixed(2)}`;
    if (!out.write(`${date},Shop ${row % 97},Card payment no. ${row},${amount}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  return path;
}

/** Import and floor in turn, each round into new databases; the import's every figure is checked before its time counts. */
async function measure(from: BenchDatabases, kind: DatabaseKind, file: string, rows: number): Promise<string[]> {
  const imported: Measured[] = [];
  const floor: Measured[] = [];
  const rounds = Number(options.rounds ?? (rows > MANY ? 1 : 3));
  for (let round = 0; round < rounds; round += 1) {
    const floorUrl = await from.create(kind);
    floor.push(
      await measureInChild('import-floor.child.ts', { databaseUrl: floorUrl, file, ...(await prepare(floorUrl)) }),
    );
    const databaseUrl = await from.create(kind);
    const owner = await prepare(databaseUrl);
    imported.push(await measureInChild('import.child.ts', { databaseUrl, file, folder, ...owner }));
    await check(databaseUrl, owner.userId, rows);
    console.log(
      `${format(rows)} ${kind} round ${round + 1}: import ${format(imported.at(-1)?.elapsedMs ?? 0)} ms, floor ${format(floor.at(-1)?.elapsedMs ?? 0)} ms`,
    );
  }
  const of = (runs: readonly Measured[], pick: (run: Measured) => number) => median(runs.map(pick));
  const [ours, bare] = [of(imported, ({ elapsedMs }) => elapsedMs), of(floor, ({ elapsedMs }) => elapsedMs)];
  return [
    format(rows),
    kind,
    format((rows / ours) * 1000),
    format((rows / bare) * 1000),
    format(bare / ours, 2),
    `${format(of(imported, ({ cpuMs }) => cpuMs) / 1000, 2)} / ${format(of(floor, ({ cpuMs }) => cpuMs) / 1000, 2)}`,
    `${format(of(imported, ({ peakMb }) => peakMb))} (${format(of(imported, ({ startMb }) => startMb))})`,
    format(of(floor, ({ peakMb }) => peakMb)),
  ];
}

/** A person with an account, in a migrated database. */
async function prepare(url: string): Promise<{ userId: string; accountId: string }> {
  return withDatabase(url, async (database) => {
    const mails = { enqueue: async () => undefined, enqueueAtMost: async () => undefined, wake: () => undefined };
    const auth = new AuthService({
      database,
      clock: systemClock,
      isSecureCookie: false,
      mails,
      registration: 'closed',
    });
    const { id: userId } = await auth.ensureUser({
      email: 'bench@example.test',
      password: 'correct horse battery',
      role: 'user',
    });
    const { accounts } = createLedgerServices({ database, clock: systemClock });
    const account = {
      name: 'Checking',
      type: 'wallet',
      currency: 'EUR',
      creditLimit: null,
      openingBalance: '0',
    } as const;
    const look = { icon: null, color: null, note: '', isHidden: false };
    const { id: accountId } = await accounts.create((work) => transact(database, work), userId, {
      ...account,
      ...look,
    });
    return { userId, accountId };
  });
}

async function check(url: string, userId: string, rows: number): Promise<void> {
  await withDatabase(url, async (database) => {
    const { differences } = await checkLedger(database.em(), database.dialect, { userId, differencesMax: 10 });
    const [row] = await database.em().execute<{ count: unknown }[]>('select count(*) as count from transactions');
    if (differences.length > 0 || Number(row?.count) !== rows)
      throw new Error(`wrong: ${String(row?.count)} rows, ${JSON.stringify(differences)}`);
  });
}

async function withDatabase<Result>(url: string, work: (database: Database) => Promise<Result>): Promise<Result> {
  const database = await openDatabase({ url, entities });
  await database.migrate();
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
