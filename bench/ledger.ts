/**
 * The ledger over HTTP, one client: create, the first page of the list, page 1,000 by cursor, filtered search, monthly totals. Beside it the same by hand: Express
 * and the bare driver on the same database, request by request in turn.
 *
 *   --own N       transactions of the person who asks (default 100,000)
 *   --people N    people with as many each (default 10)
 *   --samples N   requests of each kind (default 200)
 *   --database D  MariaDB or SQLite alone
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { newId } from '../server/src/kernel/ids.ts';
import { connectBare, type DatabaseKind, startDatabases } from './support/databases.ts';
import { RARE_WORD, seedLedger, type SeededLedger } from './support/ledger-seed.ts';
import { describeMachine } from './support/machine.ts';
import { startServer } from './support/server.ts';
import { format, percentile, printTable } from './support/stats.ts';
import { makeCrowdChain } from './support/vault-chain.ts';

const { values: options } = parseArgs({
  options: {
    own: { type: 'string', default: '100000' },
    people: { type: 'string', default: '10' },
    samples: { type: 'string', default: '200' },
    database: { type: 'string' },
  },
});
const own = Number(options.own);
const people = Number(options.people);
const samples = Number(options.samples);
const PAGE = 50;

console.log(`Ledger, ${format(own)} transactions of one person, ${format(own * people)} in all\n${describeMachine()}`);
const databases = await startDatabases();
const chain = await makeCrowdChain(1000);
const rows: string[][] = [];
for (const kind of databases.kinds) {
  if (options.database === undefined || options.database === kind) await measure(kind);
}
await chain.stop();
await databases.stop();
printTable(['database', 'request', 'p50 ms', 'p99 ms', 'by hand p50', 'by hand p99', 'ratio of p50'], rows);

async function measure(kind: DatabaseKind): Promise<void> {
  const databaseUrl = await databases.create(kind);
  // The first start migrates, and makes the person who asks; the tables are filled while it is away.
  const settings = { databaseUrl, rpcUrl: chain.rpcUrl, wsUrl: chain.wsUrl };
  await (await startServer(settings)).stop();
  const { ledger, userId } = await fill(databaseUrl);
  const server = await startServer(settings);
  const baseline = await startBaseline({ databaseUrl, userId });
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${server.url}/api/v1${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${server.token}`,
        'content-type': 'application/json',
        ...(init.headers as Record<string, string> | undefined),
      },
    });
    const body = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(body)}`);
    return body;
  };
  const askBaseline = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${baseline.url}${path}`, {
      ...init,
      headers: { 'content-type': 'application/json' },
    });
    if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
    return response.json();
  };
  const far = await findPage(ask, Math.min(1000, Math.floor(own / PAGE) - 1));
  const draftOf = (index: number) =>
    JSON.stringify({
      kind: 'expense',
      account_id: ledger.accountIds[index % ledger.accountIds.length],
      category_id: ledger.categoryIds[index % ledger.categoryIds.length],
      amount: '12.50',
      occurred_on: '2025-06-15',
      payee: 'Corner shop',
    });
  const category = ledger.categoryIds[3] ?? '';
  const filter = `category_id=${category}&from=2019-01-01&to=2021-12-31&amount_min=150`;
  const post = (index: number): RequestInit => ({ method: 'POST', body: draftOf(index) });
  const kinds: [string, (index: number) => Promise<unknown>, (index: number) => Promise<unknown>][] = [
    ['create', (index) => ask('/transactions', post(index)), (index) => askBaseline('/transactions', post(index))],
    [
      'create with an idempotency key',
      (index) => ask('/transactions', { ...post(index), headers: { 'idempotency-key': newId('txn') } }),
      (index) => askBaseline('/transactions', post(index)),
    ],
    ['list, page 1', () => ask(`/transactions?limit=${PAGE}`), () => askBaseline('/transactions')],
    [
      `list, page ${format(far.page)} by cursor`,
      () => ask(`/transactions?limit=${PAGE}&cursor=${far.cursor}`),
      () => askBaseline(`/transactions?date=${far.date}&id=${far.id}`),
    ],
    [
      'search: category, dates, least amount',
      () => ask(`/transactions?${filter}`),
      () => askBaseline(`/transactions?${filter}`),
    ],
    [
      'search: a word that one in 1,000 has',
      () => ask(`/transactions?text=${RARE_WORD}`),
      () => askBaseline(`/transactions?text=${RARE_WORD}`),
    ],
    [
      'monthly totals of a year',
      () => ask('/transactions/monthly-totals?from=2024-01&to=2024-12&limit=200'),
      () => askBaseline('/monthly-totals?from=2024-01&to=2024-12'),
    ],
  ];
  for (const [title, ours, byHand] of kinds) {
    const [a, b]: [number[], number[]] = [[], []];
    for (let index = 0; index < samples + 10; index += 1) {
      const [first, second] = [await timed(() => ours(index)), await timed(() => byHand(index))];
      // The first few warm up.
      if (index >= 10) a.push(first);
      if (index >= 10) b.push(second);
    }
    const ratio = percentile(a, 0.5) / percentile(b, 0.5);
    rows.push([
      kind,
      title,
      ...[a, b].flatMap((times) => [percentile(times, 0.5), percentile(times, 0.99)].map((ms) => format(ms, 1))),
      format(ratio, 1),
    ]);
    console.log(rows.at(-1)?.join(' | '));
  }
  baseline.stop();
  await server.stop();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function fill(databaseUrl: string): Promise<{ ledger: SeededLedger; userId: string }> {
  const database = await connectBare(databaseUrl);
  const [operator] = await database.rows<{ id: string }>("select id from users where role = 'admin'");
  if (!operator) throw new Error('the server made no operator');
  const startedAt = performance.now();
  const ledger = await seedLedger(database, operator.id, own);
  for (let person = 1; person < people; person += 1) {
    const id = newId('usr');
    await database.run(
      `insert into users (${(await columnsOf(database)).join(', ')}) select ${(await columnsOf(database)).map((column) => (column === 'id' || column === 'email' ? '?' : column)).join(', ')} from users where id = ?`,
      [id, `person${person}@example.com`, operator.id],
    );
    await seedLedger(database, id, own);
  }
  await database.run('analyze' + (database.dialect === 'mysql' ? ' table transactions, entries' : ''));
  console.log(`filled in ${format((performance.now() - startedAt) / 1000)} s`);
  await database.close();
  return { ledger, userId: operator.id };
}

/** The columns of users, `id` and `email` first. */
async function columnsOf(database: Awaited<ReturnType<typeof connectBare>>): Promise<string[]> {
  const [row] = await database.rows<Record<string, unknown>>('select * from users limit 1');
  const others = Object.keys(row ?? {}).filter((column) => column !== 'id' && column !== 'email');
  return ['id', 'email', ...others];
}

type Ask = (path: string) => Promise<Record<string, unknown>>;

/** Walks to a page, and says by what the next one is asked for. */
async function findPage(ask: Ask, page: number): Promise<{ page: number; cursor: string; date: string; id: string }> {
  let cursor = '';
  let last: { occurred_on: string; id: string } | undefined;
  for (let number = 1; number < page; number += 1) {
    const answer = await ask(`/transactions?limit=${PAGE}${cursor && `&cursor=${cursor}`}`);
    cursor = answer['next_cursor'] as string;
    last = (answer['items'] as (typeof last)[]).at(-1);
  }
  return { page, cursor, date: last?.occurred_on ?? '', id: last?.id ?? '' };
}

async function startBaseline(task: object): Promise<{ url: string; stop(): void }> {
  const script = fileURLToPath(new URL('./ledger-baseline.child.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(task)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number));
    child.once('exit', (code) => reject(new Error(`the baseline ended with code ${code}`)));
  });
  return { url: `http://127.0.0.1:${port}`, stop: () => child.disconnect() };
}
