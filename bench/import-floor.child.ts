/** The least that fills the same two tables from the same file: csv-parse, and rows of one INSERT by the bare driver, one transaction for each 2,000. */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { childTask, finishChild } from './support/child.ts';
import { connectBare } from './support/databases.ts';
import { peakMemoryMb } from './support/memory.ts';

const task = childTask() as { databaseUrl: string; file: string; userId: string; accountId: string };
const ROWS_PER_TRANSACTION = 2000;
const ROWS_PER_INSERT = 500;
const TRANSACTION_COLUMNS =
  'id,user_id,source,external_id,content_hash,created_at,kind,account_id,to_account_id,amount,currency,to_amount,to_currency,rate,occurred_on,description,payee,note,search_text,category_id,is_split,tags,attachments,updated_at';
const ENTRY_COLUMNS = 'transaction_id,line,user_id,account_id,amount,currency,category_id,note,kind,occurred_on';

const connection = await connectBare(task.databaseUrl);
const isSqlite = connection.dialect === 'sqlite';
const startMb = process.memoryUsage.rss() / 2 ** 20;
const cpuAtStart = process.cpuUsage();
const startedAt = performance.now();
let count = 0;
let transactions: unknown[][] = [];
let entries: unknown[][] = [];
for await (const row of createReadStream(task.file).pipe(parse({ from_line: 2 }))) {
  const [date, payee, description, text] = row as [string, string, string, string];
  const signed = Number(text);
  const kind = signed < 0 ? 'expense' : 'income';
  const amount = isSqlite ? BigInt(Math.round(Math.abs(signed) * 100)) * 1_000_000n : String(Math.abs(signed));
  const own = isSqlite ? (amount as bigint) * (signed < 0 ? -1n : 1n) : text;
  const id = `txn_${(count += 1).toString().padStart(26, '0')}`;
  const { userId, accountId } = task;
  const head = [
    id,
    userId,
    'bench',
    null,
    hashLike(date, count),
    1,
    kind,
    accountId,
    null,
    amount,
    'EUR',
    null,
    null,
    null,
  ];
  transactions.push([...head, date, description, payee, '', `${description}\n${payee}`, null, 0, '[]', '[]', 1]);
  entries.push([id, 0, userId, accountId, own, 'EUR', null, '', kind, date]);
  if (transactions.length === ROWS_PER_TRANSACTION) await store();
}
await store();
const elapsedMs = performance.now() - startedAt;
const { user, system } = process.cpuUsage(cpuAtStart);
finishChild({ elapsedMs, startMb, cpuMs: (user + system) / 1000, peakMb: peakMemoryMb() });

/** As long, and as scattered, as the hashes of the import. */
function hashLike(date: string, row: number): string {
  return date.replaceAll('-', '') + String((row * 2_654_435_761) % 4_294_967_296).padStart(20, '0');
}

async function store(): Promise<void> {
  await connection.run('begin');
  await insert('transactions', TRANSACTION_COLUMNS, transactions);
  await insert('entries', ENTRY_COLUMNS, entries);
  await connection.run('commit');
  [transactions, entries] = [[], []];
}

async function insert(table: string, columns: string, rows: unknown[][]): Promise<void> {
  const tuple = `(${columns
    .split(',')
    .map(() => '?')
    .join(',')})`;
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    const chunk = rows.slice(start, start + ROWS_PER_INSERT);
    await connection.run(
      `insert into ${table} (${columns}) values ${Array(chunk.length).fill(tuple).join(',')}`,
      chunk.flat(),
    );
  }
}
