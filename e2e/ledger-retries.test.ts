import { setTimeout as delay } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appRouter } from '../server/src/router.ts';
import { type DeafProxy, startDeafProxy } from './support/deaf-proxy.ts';
import { openRequest } from './support/http-client.ts';
import { hasMariaDb, type MariaDb, startMariaDb } from './support/mariadb.ts';
import { waitFor } from './support/poll.ts';
import { announceSeed, seededRandom } from './support/seeded-random.ts';
import { openSyncWorld, type SyncWorld } from './support/sync-world.ts';

/** Starts that a kill ends while mutations are on their way. */
const KILLS = 3;
const IN_FLIGHT = 24;
/** Between the last answer that is waited for and the kill: from before the next transaction has begun until after it has committed. */
const KILL_MS_MAX = 10;

type Call = { method: string; path: string; body?: unknown };
/** A mutation, and another one that may not come under its key; `settled` waits for the end of what it has begun. */
type Case = (things: Things) => Promise<{ call: Call; other: Call; settled?: () => Promise<void> }>;
type Json = Record<string, unknown>;

/** Makes what a case needs, each time anew, and answers its id. */
type Things = {
  account(): Promise<string>;
  category(): Promise<string>;
  transaction(): Promise<string>;
  rate(): Promise<string>;
  rateForAll(): Promise<string>;
  recurring(): Promise<string>;
  /** An open reconciliation of an account with one transaction, whose statement is zero. */
  reconciliation(): Promise<string>;
  rule(): Promise<string>;
  import(): Promise<string>;
  /** Waits for the end of an import that is committed, or undone. */
  imported(id: string, status?: 'completed' | 'undone'): Promise<void>;
  /** A transaction that a rule changes, and the token of the preview that says so. */
  preview(): Promise<string>;
  /** The rules that there are, in their order. */
  rules(): Promise<string[]>;
  /** Does something first, which the case is to undo. */
  post(path: string, body?: Json): Promise<void>;
  /** The path of a reconciliation, and what ticks off the one transaction that may be. */
  entryOf(id: string): Promise<[path: string, body: { transaction_ids: string[] }]>;
};
type Kind = Exclude<keyof Things, 'imported' | 'preview' | 'rules' | 'post' | 'entryOf'>;

const create = (path: string, body: Json, change: Json): Case => {
  return async () => ({
    call: { method: 'POST', path, body },
    other: { method: 'POST', path, body: { ...body, ...change } },
  });
};
const onPath =
  (method: string, kind: Kind, pathOf: (id: string) => string): Case =>
  async (things) => ({
    call: { method, path: pathOf(await things[kind]()) },
    other: { method, path: pathOf(await things[kind]()) },
  });
const edit =
  (kind: Kind, pathOf: (id: string) => string, body: Json, change: Json): Case =>
  async (things) => {
    const path = pathOf(await things[kind]());
    return { call: { method: 'PATCH', path, body }, other: { method: 'PATCH', path, body: { ...body, ...change } } };
  };
const expense = (accountId: string) => ({
  kind: 'expense',
  account_id: accountId,
  amount: '1.5',
  occurred_on: '2026-02-03',
});

const aRate = { base: 'EUR', quote: 'USD', date: '2026-02-03', rate: '1.08' };
const rates = { format: 'csv', content: 'date,base,quote,rate\n2026-02-04,EUR,USD,1.09\n' };
const otherRates = { content: rates.content.replace('1.09', '1.1') };
/** Due in a time to come, so that nothing is made meanwhile. */
const yearly = (accountId: string) => ({
  name: 'Rent',
  draft: { kind: 'expense', account_id: accountId, amount: '1.5' },
  rule: 'FREQ=YEARLY',
  starts_on: '2100-01-01',
});
const aStatement = (accountId: string) => ({
  account_id: accountId,
  statement_date: '2026-02-28',
  statement_balance: '0',
});
const aRule = (payee: string) => ({
  name: payee,
  conditions: [{ field: 'payee', op: 'equals', value: payee }],
  actions: { note: 'By a rule' },
});

const anImport = (accountId: string) => ({
  source: 'bank',
  account_id: accountId,
  text: 'date,amount\n2026-02-03,-1.25\n',
});

/** Every mutation. One that is missing here fails the first test: show that a repetition of it does nothing, or say why it may. */
const CASES: Record<string, Case> = {
  'accounts.create': create(
    '/accounts',
    { name: 'A', type: 'wallet', currency: 'EUR', opening_balance: '5' },
    { name: 'B' },
  ),
  'accounts.update': edit('account', (id) => `/accounts/${id}`, { opening_balance: '7' }, { opening_balance: '8' }),
  'accounts.archive': onPath('POST', 'account', (id) => `/accounts/${id}/archive`),
  'accounts.restore': onPath('POST', 'account', (id) => `/accounts/${id}/restore`),
  'accounts.moveEntries': async (things) => {
    const [from, to, third] = [await things.account(), await things.account(), await things.account()];
    const call = { method: 'POST', path: `/accounts/${from}/move-entries`, body: { to_account_id: to } };
    return { call, other: { ...call, body: { to_account_id: third } } };
  },
  'accounts.delete': onPath('DELETE', 'account', (id) => `/accounts/${id}`),
  'categories.create': create('/categories', { name: 'Made once' }, { name: 'Other' }),
  'categories.createMany': create(
    '/categories/bulk',
    { items: [{ name: 'One' }, { name: 'Two' }] },
    { items: [{ name: 'Three' }] },
  ),
  'categories.update': edit('category', (id) => `/categories/${id}`, { icon: 'star' }, { icon: 'moon' }),
  'categories.archive': onPath('POST', 'category', (id) => `/categories/${id}/archive`),
  'categories.restore': onPath('POST', 'category', (id) => `/categories/${id}/restore`),
  'categories.merge': async (things) => {
    const [from, into, third] = [await things.category(), await things.category(), await things.category()];
    const call = { method: 'POST', path: `/categories/${from}/merge`, body: { into_id: into } };
    return { call, other: { ...call, body: { into_id: third } } };
  },
  'categories.delete': onPath('DELETE', 'category', (id) => `/categories/${id}`),
  'transactions.create': async (things) => {
    const call = { method: 'POST', path: '/transactions', body: expense(await things.account()) };
    return { call, other: { ...call, body: { ...call.body, amount: '1.51' } } };
  },
  'transactions.bulk': async (things) => {
    const item = expense(await things.account());
    const update = [{ id: await things.transaction(), amount: '9' }];
    const body = { create: [item, item], update, delete: [await things.transaction()] };
    const call = { method: 'POST', path: '/transactions/bulk', body };
    return { call, other: { ...call, body: { create: [item] } } };
  },
  'transactions.update': edit('transaction', (id) => `/transactions/${id}`, { amount: '2' }, { amount: '3' }),
  'transactions.delete': onPath('DELETE', 'transaction', (id) => `/transactions/${id}`),
  'rates.set': create('/rates', aRate, { rate: '1.07' }),
  'rates.import': create('/rates/import', rates, otherRates),
  'rates.delete': onPath('DELETE', 'rate', (id) => `/rates/${id}`),
  'rates.setForAll': create('/rates/all', aRate, { rate: '1.07' }),
  'rates.importForAll': create('/rates/all/import', rates, otherRates),
  'rates.deleteForAll': onPath('DELETE', 'rateForAll', (id) => `/rates/all/${id}`),
  'recurring.create': async (things) => {
    const call = { method: 'POST', path: '/recurring', body: yearly(await things.account()) };
    return { call, other: { ...call, body: { ...call.body, name: 'Lease' } } };
  },
  'recurring.update': edit('recurring', (id) => `/recurring/${id}`, { name: 'Lease' }, { name: 'Hire' }),
  'recurring.pause': onPath('POST', 'recurring', (id) => `/recurring/${id}/pause`),
  'recurring.resume': async (things) => {
    const id = await things.recurring();
    await things.post(`/recurring/${id}/pause`);
    const call = { method: 'POST', path: `/recurring/${id}/resume`, body: { catch_up: false } };
    return { call, other: { ...call, body: { catch_up: true } } };
  },
  'recurring.skip': async (things) => {
    const path = `/recurring/${await things.recurring()}/skip`;
    const call = { method: 'POST', path, body: { date: '2101-01-01' } };
    return { call, other: { ...call, body: { date: '2102-01-01' } } };
  },
  'recurring.unskip': async (things) => {
    const id = await things.recurring();
    const [body, otherBody] = [{ date: '2101-01-01' }, { date: '2102-01-01' }];
    for (const each of [body, otherBody]) await things.post(`/recurring/${id}/skip`, each);
    const call = { method: 'POST', path: `/recurring/${id}/unskip`, body };
    return { call, other: { ...call, body: otherBody } };
  },
  'recurring.delete': onPath('DELETE', 'recurring', (id) => `/recurring/${id}`),
  'reconciliations.start': async (things) => {
    const call = { method: 'POST', path: '/reconciliations', body: aStatement(await things.account()) };
    return { call, other: { ...call, body: { ...call.body, statement_balance: '2' } } };
  },
  'reconciliations.update': edit(
    'reconciliation',
    (id) => `/reconciliations/${id}`,
    { statement_balance: '7' },
    { statement_balance: '8' },
  ),
  'reconciliations.clear': async (things) => {
    const [path, body] = await things.entryOf(await things.reconciliation());
    const call = { method: 'POST', path: `${path}/clear`, body };
    return { call, other: { ...call, path: `/reconciliations/${await things.reconciliation()}/clear` } };
  },
  'reconciliations.clearAll': onPath('POST', 'reconciliation', (id) => `/reconciliations/${id}/clear-all`),
  'reconciliations.unclear': async (things) => {
    const [path, body] = await things.entryOf(await things.reconciliation());
    await things.post(`${path}/clear`, body);
    const call = { method: 'POST', path: `${path}/unclear`, body };
    return { call, other: { ...call, path: `/reconciliations/${await things.reconciliation()}/unclear` } };
  },
  'reconciliations.finish': async (things) => {
    const path = `/reconciliations/${await things.reconciliation()}/finish`;
    await things.post(path.replace('finish', 'clear-all'));
    const call = { method: 'POST', path, body: { adjustment: { note: 'Once' } } };
    return { call, other: { ...call, body: { adjustment: { note: 'Twice' } } } };
  },
  'reconciliations.reopen': async (things) => {
    const id = await things.reconciliation();
    await things.post(`/reconciliations/${id}/finish`);
    const other = await things.reconciliation();
    const call = (of: string) => ({ method: 'POST', path: `/reconciliations/${of}/reopen` });
    return { call: call(id), other: call(other) };
  },
  'reconciliations.cancel': onPath('DELETE', 'reconciliation', (id) => `/reconciliations/${id}`),
  'rules.create': create('/rules', aRule('Butcher'), { name: 'Greengrocer' }),
  'rules.update': edit('rule', (id) => `/rules/${id}`, { name: 'Once' }, { name: 'Twice' }),
  'rules.delete': onPath('DELETE', 'rule', (id) => `/rules/${id}`),
  'rules.reorder': async (things) => {
    for (let count = 0; count < 2; count += 1) await things.rule();
    const ids = await things.rules();
    const call = { method: 'POST', path: '/rules/order', body: { ids: ids.toReversed() } };
    return { call, other: { ...call, body: { ids } } };
  },
  'imports.create': async (things) => {
    const call = { method: 'POST', path: '/imports', body: anImport(await things.account()) };
    return { call, other: { ...call, body: { ...call.body, source: 'other' } } };
  },
  'imports.update': edit(
    'import',
    (id) => `/imports/${id}`,
    { settings: { decimal_separator: ',' } },
    { settings: { decimal_separator: '.' } },
  ),
  'imports.commit': async (things) => {
    const id = await things.import();
    const call = { method: 'POST', path: `/imports/${id}/commit` };
    return { call, other: { ...call, body: { skip_faulty: true } }, settled: () => things.imported(id) };
  },
  'imports.cancel': onPath('POST', 'import', (id) => `/imports/${id}/cancel`),
  'imports.undo': async (things) => {
    const ids = [await things.import(), await things.import()] as const;
    for (const id of ids) {
      await things.post(`/imports/${id}/commit`);
      await things.imported(id);
    }
    const [call, other] = ids.map((id) => ({ method: 'POST', path: `/imports/${id}/undo` })) as [Call, Call];
    return { call, other, settled: () => things.imported(ids[0], 'undone') };
  },
  'rules.run': async (things) => {
    const call = { method: 'POST', path: '/rules/apply', body: { token: await things.preview() } };
    return { call, other: { ...call, body: { token: '0'.repeat(64) } } };
  },
};

/** What has its own test: control of sync is idempotent by nature; who is who is sent again in domains/auth/repeated-calls.test.ts. */
const ELSEWHERE = /^(sync|auth|users)\./;

it('every mutation has a case here, or a reason to have none', () => {
  const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { type: string } }>;
  const mutations = Object.entries(procedures).flatMap(([name, { _def }]) => (_def.type === 'mutation' ? [name] : []));
  expect(mutations.filter((name) => !ELSEWHERE.test(name)).toSorted()).toEqual(Object.keys(CASES).toSorted());
});

const DATABASES = ['SQLite', ...(hasMariaDb() ? ['MariaDB'] : [])];

describe.each(DATABASES)('on %s', (name) => {
  let mariaDb: MariaDb | undefined;
  let world: SyncWorld;
  let proxy: DeafProxy;
  let keys = 0;
  beforeAll(async () => {
    if (name === 'MariaDB') mariaDb = await startMariaDb();
    const databaseUrl = await mariaDb?.createDatabase();
    world = await openSyncWorld({
      env: { SYNC_AUTOSTART: 'false' },
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
    });
    await world.start();
    proxy = await startDeafProxy(world.url);
  });
  afterAll(async () => {
    await proxy?.close();
    await world?.close();
    await mariaDb?.stop();
  });

  const send = async ({ method, path, body }: Call, { key, url = world.url }: { key?: string; url?: string } = {}) => {
    const response = await openRequest({
      url: `${url}/api/v1${path}`,
      method,
      token: world.token(),
      ...(body === undefined ? {} : { body }),
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });
    return { status: response.statusCode ?? 0, body: await text(response) };
  };
  const newKey = () => `key-${name}-${(keys += 1)}`;
  const made = async (path: string, body: Json) => {
    const answer = await send({ method: 'POST', path, body });
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.body}`);
    return (JSON.parse(answer.body) as { id: string }).id;
  };
  const get = async <Answer>(path: string) => JSON.parse((await send({ method: 'GET', path })).body) as Answer;
  let named = 0;
  const things: Things = {
    account: () => made('/accounts', { name: 'Cash', type: 'wallet', currency: 'EUR' }),
    category: () => made('/categories', { name: `Category ${(named += 1)}` }),
    transaction: async () => made('/transactions', expense(await things.account())),
    rate: () => made('/rates', { ...aRate, quote: 'GBP', date: `2026-01-${((named += 1) % 18) + 10}` }),
    rateForAll: () => made('/rates/all', { ...aRate, quote: 'GBP', date: `2026-01-${((named += 1) % 18) + 10}` }),
    recurring: async () => made('/recurring', yearly(await things.account())),
    reconciliation: async () => {
      const accountId = await things.account();
      await made('/transactions', expense(accountId));
      return made('/reconciliations', aStatement(accountId));
    },
    rule: () => made('/rules', aRule(`Payee ${(named += 1)}`)),
    import: async () => made('/imports', anImport(await things.account())),
    imported: async (id, status = 'completed') => {
      const isDone = async () => (await get<{ status: string }>(`/imports/${id}`)).status === status;
      await waitFor(`the import to be ${status}`, isDone);
    },
    preview: async () => {
      await made('/rules', aRule('Baker'));
      await made('/transactions', { ...expense(await things.account()), payee: 'Baker' });
      const preview = await get<{ items: unknown[]; token: string }>('/rules/preview');
      expect(preview.items).toHaveLength(1);
      return preview.token;
    },
    rules: async () => (await get<{ items: { id: string }[] }>('/rules')).items.map(({ id }) => id),
    entryOf: async (id) => {
      const path = `/reconciliations/${id}`;
      const { items } = await get<{ items: { transaction_id: string }[] }>(`${path}/entries`);
      return [path, { transaction_ids: items.map((item) => item.transaction_id) }];
    },
    post: async (path, body = {}) => {
      await made(path, body);
    },
  };
  const dump = () => world.withTables((tables) => tables.dump());
  /** Mutations whose first answer was lost, with that answer. */
  const sent: { procedure: string; call: Call; key: string; lost: { status: number; body: string } }[] = [];

  it.each(Object.entries(CASES))(
    '%s, whose answer is lost after the commit, is done once, and sent again it answers the same',
    async (procedure, prepare) => {
      const { call, other, settled } = await prepare(things);
      const key = newKey();
      const before = await dump();
      await expect(send(call, { key, url: proxy.url })).rejects.toThrow('socket hang up');
      const lost = proxy.kept();
      expect(lost.status).toBe(200);
      sent.push({ procedure, call, key, lost });
      await settled?.();
      const after = await dump();
      expect(after).not.toEqual(before);
      for (let time = 0; time < 2; time += 1) expect(await send(call, { key })).toEqual(lost);
      for (const wrong of [other, { method: 'POST', path: '/categories', body: { name: 'Never' } }]) {
        const refused = await send(wrong, { key });
        expect([refused.status, refused.body]).toEqual([409, expect.stringContaining('"IDEMPOTENCY_KEY_REUSED"')]);
      }
      expect(await dump()).toEqual(after);
    },
  );

  it('what was on its way when the server was killed is there once after it was sent again, whatever had become of it', async () => {
    const random = seededRandom(announceSeed(`kill -9 between commit and answer, ${name}`));
    const accountId = await things.account();
    const otherId = await things.account();
    const expected = { balance: 0, transactions: 0 };
    let lost = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const calls = Array.from({ length: IN_FLIGHT }, (_, index) => {
        const body: Json = {
          ...expense(accountId),
          amount: String(index + 1),
          kind: index % 2 === 0 ? 'income' : 'expense',
        };
        if (index % 5 === 0) Object.assign(body, { kind: 'transfer', transfer: { to_account_id: otherId } });
        expected.balance += body['kind'] === 'income' ? index + 1 : -(index + 1);
        expected.transactions += 1;
        return { key: newKey(), call: { method: 'POST', path: '/transactions', body } };
      });
      // Killed after so many answers, whatever the pace of the machine; at least once with many to come.
      const answersBefore = random.integer(0, kill === 0 ? IN_FLIGHT / 2 : IN_FLIGHT);
      const isTime = Promise.withResolvers<void>();
      let answered = 0;
      const first = calls.map(async ({ call, key }) => {
        const answer = await send(call, { key }).catch(() => null);
        answered += 1;
        if (answered >= answersBefore) isTime.resolve();
        return answer;
      });
      if (answersBefore > 0) await isTime.promise;
      await delay(random.integer(0, KILL_MS_MAX));
      await world.server().kill9();
      const answers = await Promise.all(first);
      lost += answers.filter((answer) => answer === null).length;
      await world.start();
      for (const [index, { call, key }] of calls.entries()) {
        const again = await send(call, { key });
        expect(again.status).toBe(200);
        const known = answers[index];
        if (known) expect(again).toEqual(known);
        expect(await send(call, { key })).toEqual(again);
      }
    }
    expect(lost, 'answers that were lost').toBeGreaterThan(0);
    const listed = await world.server().list<{ id: string }>(`/transactions?account_id=${accountId}&limit=200`);
    expect(listed).toHaveLength(expected.transactions);
    const account = await world.server().get<{ balance: string }>(`/accounts/${accountId}`);
    expect(Number(account.body.balance)).toBe(expected.balance);
  });

  it('every mutation answers the same again, and does nothing, also where the process that did it was killed', async () => {
    await world.server().kill9();
    await world.start();
    const before = await dump();
    for (const { procedure, call, key, lost } of sent) expect(await send(call, { key }), procedure).toEqual(lost);
    expect(await dump()).toEqual(before);
    expect(sent.map(({ procedure }) => procedure)).toEqual(Object.keys(CASES));
  });
});
