import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, hasMariaDb, type MariaDb, startMariaDb } from './support/mariadb.ts';
import { waitFor } from './support/poll.ts';
import { spawnServer } from './support/server-process.ts';

const ROWS = 40_000;
/** Only a bound for giving up: a machine that does much else takes many times as long as a quiet one. */
const GIVE_UP_MS = 480_000;
const FILE = [
  'date,amount,payee',
  ...Array.from({ length: ROWS }, (_, row) => `2026-0${(row % 9) + 1}-03,1.25,payee ${row}`),
  '',
].join('\n');
const LOGIN = { email: 'operator@example.test', password: 'staple mandolin sphinx' };

type State = { id: string; status: string; created: number; error: { code: string } | null };

describe('kill -9 in the middle of an import, and in the middle of its undoing', () => {
  it(
    'leaves nothing of it on SQLite when the next start answers',
    async () => {
      expect(await killImport({})).toBe(ROWS);
    },
    GIVE_UP_MS,
  );

  describe.runIf(hasMariaDb())('on MariaDB', () => {
    let mariaDb: MariaDb;
    beforeAll(async () => {
      mariaDb = await startMariaDb();
    });
    afterAll(() => mariaDb?.stop());

    it(
      'leaves nothing of it when the next start answers',
      async () => {
        expect(await killImport({ DATABASE_URL: await mariaDb.createDatabase() })).toBe(ROWS);
      },
      GIVE_UP_MS,
    );
  });
});

/** Answers how many transactions the import has made that was committed again after the kill. */
async function killImport(database: Record<string, string>): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), 'finverse-e2e-'));
  const port = await freePort();
  let token: string | null = null;
  const env = {
    FINVERSE_DATA_DIR: dataDir,
    OPERATOR_EMAIL: LOGIN.email,
    OPERATOR_PASSWORD: LOGIN.password,
    ...database,
  };
  const spawn = () => spawnServer({ env, port, token: () => token });
  let server = spawn();
  try {
    await server.ready();
    token = (await server.post<{ token: string }>('/auth/login', LOGIN)).body.token;
    const account = { name: 'Checking', type: 'wallet', currency: 'EUR', opening_balance: '10' };
    const accountId = (await server.post<{ id: string }>('/accounts', account)).body.id;
    const uploaded = await fetch(`${server.url}/api/v1/imports/upload`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv', authorization: `Bearer ${token}` },
      body: FILE,
    });
    const { id: fileId } = (await uploaded.json()) as { id: string };
    const create = { source: 'bank', account_id: accountId, file_id: fileId };
    const { id } = (await server.post<State>('/imports', create)).body;
    const state = async () => (await server.get<State>(`/imports/${id}`)).body;
    await server.post(`/imports/${id}/commit`, {});
    await waitFor('some rows to be written', async () => (await state()).created > 0);
    await server.kill9();

    server = spawn();
    await server.ready();
    expect(await state()).toMatchObject({ status: 'failed', created: 0, error: { code: 'IMPORT_INTERRUPTED' } });
    expect(await balanceOf(accountId)).toBe('10.00000000');
    expect((await server.list('/transactions?kind=income')).length).toBe(0);
    expect(await statement(accountId)).toEqual(['10.00000000']);

    await server.post(`/imports/${id}/commit`, {});
    await waitFor('the import to be completed', async () => (await state()).status === 'completed', GIVE_UP_MS);
    await server.kill9();
    server = spawn();
    await server.ready();
    expect(await balanceOf(accountId)).toBe(`${10 + ROWS * 1.25}.00000000`);
    expect((await state()).status).toBe('completed');
    const { created } = await state();

    await server.post(`/imports/${id}/undo`, {});
    await waitFor('some rows to be taken back', async () => (await state()).created < created);
    await server.kill9();
    server = spawn();
    await server.ready();
    expect(await state()).toMatchObject({ status: 'undone', created: 0, error: null });
    expect(await balanceOf(accountId)).toBe('10.00000000');
    expect(await statement(accountId)).toEqual(['10.00000000']);
    return created;
  } finally {
    await server.kill9();
    // The embedded chain, which ends after the server, may still write into it.
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  async function balanceOf(accountId: string): Promise<string> {
    return (await server.get<{ balance: string }>(`/accounts/${accountId}`)).body.balance;
  }
  async function statement(accountId: string): Promise<string[]> {
    const entries = await server.list<{ amount: string }>(`/accounts/${accountId}/statement?limit=200`);
    return entries.map(({ amount }) => amount);
  }
}
