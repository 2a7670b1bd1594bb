/**
 * The ledger over HTTP, one client: create, the first page of the list, page 1,000 by cursor, filtered searches, monthly totals. Beside it, request by request in
 * turn on the same database: the same by hand over Express, and the statements alone through the same driver.
 *
 *   --own N       transactions of the person who asks (default 10,000)
 *   --all N       transactions in all, of people who have as many each (default twice as many)
 *   --samples N   requests of each kind (default 300)
 *   --database D  MariaDB or SQLite alone
 *   --only TITLE  requests whose title begins so, for a profile of them
 *
 * The CPU time is the server's own, without the database's where that is a process of its own; other work on the machine does not change it much.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { newId } from '../server/src/kernel/ids.ts';
import { cpuMs } from './support/cpu.ts';
import { type DatabaseKind, startDatabases } from './support/databases.ts';
import { type Fields, ledgerByHand } from './support/ledger-by-hand.ts';
import { RARE_WORD, seedLedger, type SeededLedger } from './support/ledger-seed.ts';
import { describeMachine } from './support/machine.ts';
import { type BenchServer, startServer } from './support/server.ts';
import { format, percentile, printTable } from './support/stats.ts';
import { makeCrowdChain } from './support/vault-chain.ts';

const { values: options } = parseArgs({
  options: {
    own: { type: 'string', default: '10000' },
    all: { type: 'string' },
    samples: { type: 'string', default: '300' },
    database: { type: 'string' },
    only: { type: 'string', default: '' },
  },
});
const own = Number(options.own);
const all = Number(options.all ?? own * 2);
const samples = Number(options.samples);
const PAGE = 50;
/** The engines of JavaScript compile what runs often, which is not what is measured. */
const WARM_UP = 100;

console.log(`Ledger, ${format(own)} transactions of one person, ${format(all)} in all\n${describeMachine()}`);
const databases = await startDatabases();
const chain = await makeCrowdChain(1000);
const rows: string[][] = [];
try {
  for (const kind of databases.kinds) {
    if (options.database === undefined || options.database === kind) await measure(kind);
  }
} finally {
  await chain.stop();
  await databases.stop();
}
printTable(
  [
    'database',
    'request',
    'p50 ms',
    'p99 ms',
    'Express p50',
    'Express p99',
    'SQL p50',
    'p50 to Express',
    'to SQL',
    'CPU ms',
    'Express',
    'CPU to Express',
  ],
  rows,
);

type Asked = {
  title: string;
  ours: (index: number) => Promise<unknown>;
  byHand: { name: ByHand; fields: (index: number) => Fields };
};
type ByHand = 'create' | 'list' | 'search' | 'monthlyTotals';

async function measure(kind: DatabaseKind): Promise<void> {
  const databaseUrl = await databases.create(kind);
  const settings = { databaseUrl, rpcUrl: chain.rpcUrl, wsUrl: chain.wsUrl };
  // The first start migrates, and makes the person who asks; the tables are filled while it is away.
  await (await startServer(settings)).stop();
  const seeded = await seedLedger(databaseUrl, { own, all });
  const server = await startServer(settings);
  const express = await startExpress({ databaseUrl, userId: seeded.userId });
  const sql = await ledgerByHand(databaseUrl, seeded.userId);
  for (const { title, ours, byHand } of await requests(server, seeded)) {
    if (!title.startsWith(options.only)) continue;
    const { name, fields } = byHand;
    const ways = [
      ours,
      (index: number) => express.ask(name, fields(index)),
      (index: number) => sql[name](fields(index)),
    ];
    const times = ways.map((): number[] => []);
    let cpuBefore: number[] = [];
    for (let index = 0; index < samples + WARM_UP; index += 1) {
      if (index === WARM_UP) cpuBefore = [server.pid, express.pid].map(cpuMs);
      for (const [way, ask] of ways.entries()) {
        const startedAtMs = performance.now();
        await ask(index);
        if (index >= WARM_UP) times[way]?.push(performance.now() - startedAtMs);
      }
    }
    const cpu = [server.pid, express.pid].map((pid, way) => (cpuMs(pid) - (cpuBefore[way] ?? 0)) / samples);
    rows.push([kind, title, ...describe(times, cpu)]);
    console.log(rows.at(-1)?.join(' | '));
  }
  await sql.close();
  express.stop();
  await server.stop();
}

function describe([ours = [], express = [], sql = []]: number[][], [cpu = 0, expressCpu = 0]: number[]): string[] {
  const [a, b, c] = [ours, express, sql].map((times) => percentile(times, 0.5)) as [number, number, number];
  const figures = [a, percentile(ours, 0.99), b, percentile(express, 0.99)].map((ms) => format(ms, 1));
  return [
    ...figures,
    format(c, 2),
    format(a / b, 2),
    format(a / c, 1),
    format(cpu, 2),
    format(expressCpu, 2),
    format(cpu / expressCpu, 2),
  ];
}

/** What is asked for, of the server and by hand. */
async function requests(server: BenchServer, { accountIds, categoryIds }: SeededLedger): Promise<Asked[]> {
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
  const get = (path: string, fields: Fields) => ask(`${path}?${new URLSearchParams(fields).toString()}`);
  const draftOf = (index: number): Fields => ({
    kind: 'expense',
    account_id: accountIds[index % accountIds.length] ?? '',
    category_id: categoryIds[index % categoryIds.length] ?? '',
    amount: '12.50',
    occurred_on: '2025-06-15',
    payee: 'Corner shop',
  });
  const create = (index: number, headers: Record<string, string> = {}) =>
    ask('/transactions', { method: 'POST', body: JSON.stringify(draftOf(index)), headers });
  const search = (title: string, fields: Fields): Asked => ({
    title,
    ours: () => get('/transactions', { limit: String(PAGE), ...fields }),
    byHand: { name: 'search', fields: () => fields },
  });
  const far = await findPage((path) => ask(path), Math.min(1000, Math.floor(own / PAGE) - 1));
  const year = { from: '2024-01', to: '2024-12' };
  return [
    { title: 'create', ours: (index) => create(index), byHand: { name: 'create', fields: draftOf } },
    {
      title: 'create with an idempotency key',
      ours: (index) => create(index, { 'idempotency-key': newId('txn') }),
      byHand: { name: 'create', fields: draftOf },
    },
    {
      title: 'list, page 1',
      ours: () => get('/transactions', { limit: String(PAGE) }),
      byHand: { name: 'list', fields: () => ({}) },
    },
    {
      title: `list, page ${format(far.page)} by cursor`,
      ours: () => get('/transactions', { limit: String(PAGE), cursor: far.cursor }),
      byHand: { name: 'list', fields: () => ({ date: far.date, id: far.id }) },
    },
    search('search: category, dates, least amount', {
      category_id: categoryIds[3] ?? '',
      from: '2019-01-01',
      to: '2021-12-31',
      amount_min: '150',
    }),
    search('search: a word that one in 1,000 has', { text: RARE_WORD }),
    {
      title: 'monthly totals of a year',
      ours: () => get('/transactions/monthly-totals', { ...year, limit: '200' }),
      byHand: { name: 'monthlyTotals', fields: () => year },
    },
  ];
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

type Express = { pid: number; ask(name: ByHand, fields: Fields): Promise<unknown>; stop(): void };

async function startExpress(task: object): Promise<Express> {
  const script = fileURLToPath(new URL('./ledger-baseline.child.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(task)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number));
    child.once('exit', (code) => reject(new Error(`the baseline ended with code ${code}`)));
  });
  const headers = { 'content-type': 'application/json' };
  return {
    pid: child.pid ?? 0,
    async ask(name, fields) {
      const isPost = name === 'create';
      const url = `http://127.0.0.1:${port}/${name}`;
      const response = isPost
        ? await fetch(url, { method: 'POST', headers, body: JSON.stringify(fields) })
        : await fetch(`${url}?${new URLSearchParams(fields).toString()}`, { headers });
      if (!response.ok) throw new Error(`${name}: HTTP ${response.status}`);
      return response.json();
    },
    stop: () => child.disconnect(),
  };
}
