import { expect, test } from 'vitest';
import { openDatabase } from '../db/index.ts';
import { describeDrivers } from '../db/test-databases.ts';
import { entities } from '../entities.ts';
import { UNITS_WAITING_MAX } from '../trpc/limits.ts';
import { startTestServer } from './test-server.ts';

const LOCK_WAITS = "select count(*) from information_schema.innodb_trx where trx_state = 'LOCK WAIT'";
const account = (name: string) => ({ name, type: 'wallet', currency: 'EUR' });

describeDrivers(['mariadb'], (databases) => {
  test('whoever waits for their own ledger takes one connection, however much they send: others are served, and what is too much is refused', async () => {
    const databaseUrl = await databases.migratedUrl();
    await using server = await startTestServer({ databaseUrl, rateLimitScale: 100_000 });
    const [session, other] = [await server.signIn('user'), await server.signIn('admin')];
    const tokens = { token: session, body: { name: 'Script', scopes: ['accounts:write'] } };
    const token = (await server.rest('POST', '/auth/tokens', tokens)).body?.['token'] as string;
    const create = (name: string, of: string) =>
      server.rest('POST', '/accounts', { token: of, body: account(name), headers: { 'idempotency-key': name } });
    const waitingForLocks = async () => Number(await (await databases.server()).sql(LOCK_WAITS));
    expect((await create('First', token)).status).toBe(200);

    const elsewhere = await openDatabase({ url: databaseUrl, entities });
    const sent: ReturnType<typeof create>[] = [];
    try {
      await elsewhere.em().transactional(async (em) => {
        await em.execute('select * from ledgers for update');
        const names = Array.from({ length: UNITS_WAITING_MAX + 21 }, (_, index) => `Account ${index}`);
        let refused = 0;
        for (const name of names) {
          const answer = create(name.replace(' ', '-'), token);
          void answer.then(
            ({ status }) => (refused += status === 429 ? 1 : 0),
            () => undefined,
          );
          sent.push(answer);
        }
        await expect.poll(() => refused).toBe(20);
        await expect.poll(waitingForLocks).toBe(1);
        // What a token in wrong hands sends keeps nobody from revoking it.
        expect((await server.rest('DELETE', '/auth/sessions', { token: session })).status).toBe(200);
        expect((await server.rest('POST', '/auth/tokens', tokens)).status).toBe(200);
        for (let round = 0; round < 12; round += 1) {
          expect((await server.open('GET', '/health/ready')).status).toBe(200);
          expect((await create(`Other-${round}`, other)).status).toBe(200);
        }
      });
    } finally {
      await elsewhere.close();
    }
    const answers = await Promise.all(sent);
    const late = answers.filter(({ status }) => status === 429);
    expect(late).toHaveLength(20);
    expect(late[0]).toMatchObject({ body: { error: { code: 'RATE_LIMITED' } } });
    expect(late[0]?.headers.get('retry-after')).toBe('1');
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(UNITS_WAITING_MAX + 1);
  });
});
