import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restRoutes } from '../http/rest-routes.ts';
import { ADDRESS } from '../http/test-fakes.ts';
import { PEOPLE, startTestServer, type TestServer } from '../http/test-server.ts';
import { systemClock } from '../kernel/clock.ts';
import { appRouter } from '../router.ts';

const WHO = [
  'nobody',
  'expired session',
  'bad token',
  'user',
  'admin',
  'local operator',
  'page of another origin',
] as const;
type Who = (typeof WHO)[number];
type Rule = 'public' | 'reader' | 'user' | 'admin' | 'syncControl';

/** Who may call each procedure. A procedure that is missing here fails the first test: decide, then write it down. */
const RULES: Record<string, Rule> = {
  'auth.login': 'public',
  'auth.logout': 'user',
  'auth.me': 'user',
  'accounts.list': 'user',
  'accounts.summary': 'user',
  'accounts.netWorth': 'user',
  'accounts.get': 'user',
  'accounts.statement': 'user',
  'accounts.create': 'user',
  'accounts.update': 'user',
  'accounts.archive': 'user',
  'accounts.restore': 'user',
  'accounts.moveEntries': 'user',
  'accounts.delete': 'user',
  'categories.list': 'user',
  'categories.get': 'user',
  'categories.create': 'user',
  'categories.createMany': 'user',
  'categories.update': 'user',
  'categories.archive': 'user',
  'categories.restore': 'user',
  'categories.merge': 'user',
  'categories.delete': 'user',
  'transactions.list': 'user',
  'transactions.get': 'user',
  'transactions.create': 'user',
  'transactions.bulk': 'user',
  'transactions.update': 'user',
  'transactions.delete': 'user',
  'imports.list': 'user',
  'imports.create': 'user',
  'imports.status': 'user',
  'imports.update': 'user',
  'imports.preview': 'user',
  'imports.commit': 'user',
  'imports.cancel': 'user',
  'imports.progress': 'user',
  'exports.stream': 'user',
  'sync.status': 'reader',
  'sync.health': 'public',
  'sync.start': 'syncControl',
  'sync.stop': 'syncControl',
  'sync.user': 'syncControl',
  'sync.runCycle': 'syncControl',
  'sync.runs': 'reader',
  'sync.conflicts': 'reader',
  'sync.live': 'reader',
  'staking.positions': 'reader',
  'staking.position': 'reader',
  'staking.logs': 'reader',
};

/** Inputs for those that need one; the sign-in of nobody in particular is refused only after it was let in. */
const BODIES: Record<string, unknown> = {
  'auth.login': { email: 'user@example.test', password: 'correct horse battery' },
  'sync.user': { user_address: ADDRESS },
};

/** The status of each rule for each caller, 200 where the procedure ran. */
const EXPECTED: Record<Rule, Record<Who, number>> = {
  public: {
    nobody: 200,
    'expired session': 200,
    'bad token': 200,
    user: 200,
    admin: 200,
    'local operator': 200,
    'page of another origin': 200,
  },
  reader: {
    nobody: 401,
    'expired session': 401,
    'bad token': 401,
    user: 200,
    admin: 200,
    'local operator': 200,
    'page of another origin': 401,
  },
  user: {
    nobody: 401,
    'expired session': 401,
    'bad token': 401,
    user: 200,
    admin: 200,
    'local operator': 401,
    'page of another origin': 401,
  },
  admin: {
    nobody: 401,
    'expired session': 401,
    'bad token': 401,
    user: 403,
    admin: 200,
    'local operator': 401,
    'page of another origin': 401,
  },
  syncControl: {
    nobody: 401,
    'expired session': 401,
    'bad token': 401,
    user: 403,
    admin: 200,
    'local operator': 200,
    'page of another origin': 403,
  },
};

const routes = restRoutes(appRouter);

test('every procedure has a rule here, and the one it is built with', () => {
  expect(Object.fromEntries(routes.map(({ procedure, access }) => [procedure, access]))).toEqual(RULES);
  expect(Object.keys(RULES).toSorted()).toEqual(Object.keys(appRouter._def.procedures).toSorted());
});

describe.each(WHO)('%s', (who) => {
  let isLater = false;
  const clock = { ...systemClock, now: () => systemClock.now() + (isLater ? 31 * 24 * 3600 * 1000 : 0) };
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ embedded: who === 'local operator' || who === 'page of another origin', clock });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** What the caller's requests carry. */
  async function headersOf(): Promise<Record<string, string>> {
    switch (who) {
      case 'user':
      case 'admin':
        return { authorization: `Bearer ${await server.signIn(who)}` };
      case 'expired session':
        return { authorization: `Bearer ${await server.signIn('admin')}` };
      case 'bad token':
        return { authorization: `Bearer ${'a'.repeat(40)}` };
      case 'page of another origin':
        return { 'sec-fetch-site': 'cross-site' };
      default:
        return {};
    }
  }

  test.each(routes)('$procedure', async ({ procedure, method, path }) => {
    isLater = false;
    await server.auth.ensureUser(PEOPLE.user);
    const headers = await headersOf();
    isLater = who === 'expired session';
    server.sync.calls.length = 0;

    const body = BODIES[procedure];
    const answer = await server.open(method, `/api/v1${path.replace('{id}', 'pos_1')}`, {
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // Reads of a foreign page are let through as nobody; what changes state is refused before anyone asks who it is.
    const isRefusedPage = who === 'page of another origin' && method !== 'GET';
    const expected = isRefusedPage ? 403 : EXPECTED[RULES[procedure] as Rule][who];
    // Who is let in may still be told that there is no such thing, or what the input lacks.
    if (expected === 200) expect([200, 400, 404]).toContain(answer.status);
    else expect(answer.status).toBe(expected);
    if (answer.status !== 200) expect(server.sync.calls).toEqual([]);
    answer.response.destroy();
  });
});
