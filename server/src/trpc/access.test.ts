import { scopeSchema } from '@finverse/shared';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restRoutes } from '../http/rest-routes.ts';
import { ADDRESS } from '../http/test-fakes.ts';
import { PEOPLE, startTestServer, type TestServer } from '../http/test-server.ts';
import { systemClock } from '../kernel/clock.ts';
import { appRouter } from '../router.ts';
import type { Access } from './init.ts';

const WHO = [
  'nobody',
  'expired session',
  'bad token',
  'user',
  'admin',
  'token with the scope',
  'token without the scope',
  'local operator',
  'page of another origin',
] as const;
type Who = (typeof WHO)[number];
type Rule = 'public' | 'signIn' | 'reader' | 'user' | 'me' | 'session' | 'admin' | 'syncControl';

/** Who may call each procedure. A procedure that is missing here fails the first test: decide, then write it down. */
const RULES: Record<string, Rule> = {
  'auth.register': 'signIn',
  'auth.verifyEmail': 'signIn',
  'auth.requestVerification': 'session',
  'auth.login': 'signIn',
  'auth.logout': 'signIn',
  'auth.me': 'me',
  'auth.passwordReset.request': 'signIn',
  'auth.passwordReset.confirm': 'signIn',
  'auth.sessions.list': 'session',
  'auth.sessions.end': 'session',
  'auth.sessions.endOthers': 'session',
  'auth.tokens.list': 'session',
  'auth.tokens.create': 'session',
  'auth.tokens.revoke': 'session',
  'auth.totp.status': 'session',
  'auth.totp.begin': 'session',
  'auth.totp.confirm': 'session',
  'auth.totp.renewRecoveryCodes': 'session',
  'auth.totp.disable': 'session',
  'users.me': 'user',
  'users.update': 'user',
  'users.preferences': 'user',
  'users.setPreferences': 'user',
  'users.changePassword': 'session',
  'users.requestEmailChange': 'session',
  'users.confirmEmailChange': 'session',
  'users.export': 'session',
  'users.remove': 'session',
  'users.restore': 'session',
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
  'transactions.monthlyTotals': 'user',
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
  'imports.undo': 'user',
  'imports.progress': 'user',
  'exports.stream': 'user',
  'integrity.check': 'user',
  'integrity.checkAll': 'admin',
  'rates.list': 'user',
  'rates.convert': 'user',
  'rates.set': 'user',
  'rates.import': 'user',
  'rates.delete': 'user',
  'rates.setForAll': 'admin',
  'rates.importForAll': 'admin',
  'rates.deleteForAll': 'admin',
  'recurring.list': 'user',
  'recurring.get': 'user',
  'recurring.dates': 'user',
  'recurring.create': 'user',
  'recurring.update': 'user',
  'recurring.pause': 'user',
  'recurring.resume': 'user',
  'recurring.skip': 'user',
  'recurring.unskip': 'user',
  'recurring.delete': 'user',
  'reconciliations.list': 'user',
  'reconciliations.get': 'user',
  'reconciliations.entries': 'user',
  'reconciliations.start': 'user',
  'reconciliations.update': 'user',
  'reconciliations.clear': 'user',
  'reconciliations.clearAll': 'user',
  'reconciliations.unclear': 'user',
  'reconciliations.finish': 'user',
  'reconciliations.reopen': 'user',
  'reconciliations.cancel': 'user',
  'rules.list': 'user',
  'rules.get': 'user',
  'rules.create': 'user',
  'rules.update': 'user',
  'rules.delete': 'user',
  'rules.reorder': 'user',
  'rules.preview': 'user',
  'rules.run': 'user',
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

/** What the procedures are built with, where this test says it more exactly. */
const BUILT_WITH: Partial<Record<Rule, Access>> = { signIn: 'public', me: 'user' };

/** Inputs for those that need one; some take the caller's own password. */
const bodiesOf = (password: string): Record<string, unknown> => ({
  'auth.register': { email: 'new@example.test', password },
  'auth.verifyEmail': { code: 'none' },
  'auth.login': { email: PEOPLE.user.email, password: PEOPLE.user.password },
  'auth.passwordReset.request': { email: PEOPLE.user.email },
  'auth.passwordReset.confirm': { code: 'none', new_password: password },
  'auth.tokens.create': { name: 'a script', scopes: ['users:read'] },
  'auth.totp.begin': { password },
  'auth.totp.confirm': { code: '000000' },
  'auth.totp.renewRecoveryCodes': { password, code: '000000' },
  'auth.totp.disable': { password, code: '000000' },
  'users.update': { name: 'Uma' },
  'users.setPreferences': { items: [{ key: 'theme', value: 'dark' }] },
  'users.changePassword': { current_password: password, new_password: password },
  'users.requestEmailChange': { email: 'moved@example.test', password },
  'users.confirmEmailChange': { code: 'none' },
  'users.remove': { password },
  'sync.user': { user_address: ADDRESS },
});

/** What those answer that run and then find that there is nothing to do: no such code, no such thing, nothing begun. */
const RAN: Record<string, number[]> = {
  'auth.verifyEmail': [400],
  'auth.passwordReset.confirm': [400],
  'auth.sessions.end': [404],
  'auth.tokens.revoke': [404],
  'auth.totp.confirm': [400, 409],
  'auth.totp.renewRecoveryCodes': [409],
  'auth.totp.disable': [409],
  'users.confirmEmailChange': [400],
};

/** Without an input, or of nothing that exists, these are let in and then say what they lack. */
function isOfLedger(procedure: string): boolean {
  return /^(accounts|categories|transactions|rates|recurring|reconciliations|rules|integrity|imports|exports)\./.test(
    procedure,
  );
}

/** Who is nobody to the server. */
const NOBODY = {
  nobody: 401,
  'expired session': 401,
  'bad token': 401,
  'local operator': 401,
  'page of another origin': 401,
};

/** The status of each rule for each caller, 200 where the procedure ran. */
const EXPECTED: Record<Rule, Record<Who, number>> = {
  public: rule({}),
  signIn: rule({ 'token with the scope': 403, 'token without the scope': 403 }),
  reader: rule({ ...NOBODY, 'local operator': 200, 'token without the scope': 403 }),
  user: rule({ ...NOBODY, 'token without the scope': 403 }),
  me: rule(NOBODY),
  session: rule({ ...NOBODY, 'token with the scope': 403, 'token without the scope': 403 }),
  admin: rule({ ...NOBODY, user: 403, 'token without the scope': 403 }),
  syncControl: rule({
    ...NOBODY,
    user: 403,
    'token without the scope': 403,
    'local operator': 200,
    'page of another origin': 403,
  }),
};

/** 200 for everyone but those who are named. */
function rule(refused: Partial<Record<Who, number>>): Record<Who, number> {
  return { ...(Object.fromEntries(WHO.map((who) => [who, 200])) as Record<Who, number>), ...refused };
}

const routes = restRoutes(appRouter);

test('every procedure has a rule here, and the one it is built with', () => {
  const built = Object.entries(RULES).map(([procedure, named]) => [procedure, BUILT_WITH[named] ?? named]);
  expect(Object.fromEntries(routes.map(({ procedure, access }) => [procedure, access]))).toEqual(
    Object.fromEntries(built),
  );
  expect(Object.keys(RULES).toSorted()).toEqual(Object.keys(appRouter._def.procedures).toSorted());
});

describe.each(WHO)('%s', (who) => {
  let isLater = false;
  let lastTokenId: string | null = null;
  let session: string | null = null;
  const clock = { ...systemClock, now: () => systemClock.now() + (isLater ? 31 * 24 * 3600 * 1000 : 0) };
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ embedded: who === 'local operator' || who === 'page of another origin', clock });
    await server.auth.ensureUser(PEOPLE.user);
    // The only admin could not be deleted.
    await server.auth.ensureUser({ ...PEOPLE.admin, email: 'another@example.test' });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** The session of the test before, or a new one where that one has ended: hashing a password is what takes the time here. */
  async function signIn(person: keyof typeof PEOPLE): Promise<string> {
    const isAlive = session !== null && (await server.rest('GET', '/auth/me', { token: session })).status === 200;
    session = isAlive ? session : await server.signIn(person);
    return session as string;
  }

  /** An API token of an admin, whom nothing but the scope can be missing. */
  async function apiToken(procedure: string, lacking: string | null): Promise<string> {
    const token = await signIn('admin');
    const scopes = lacking === null ? scopesOf(procedure) : scopeSchema.options.filter((scope) => scope !== lacking);
    const known = scopes.filter((scope) => scopeSchema.safeParse(scope).success);
    const body = { name: 'a script', scopes: known.length > 0 ? known : ['users:read', 'users:write'] };
    // A person has only so many.
    if (lastTokenId !== null) await server.rest('DELETE', `/auth/tokens/${lastTokenId}`, { token });
    const made = (await server.rest('POST', '/auth/tokens', { token, body })).body;
    lastTokenId = String(made?.['id']);
    return String(made?.['token']);
  }

  /** What the caller's requests carry. */
  async function headersOf(procedure: string, lacking: string | null): Promise<Record<string, string>> {
    switch (who) {
      case 'user':
        return { authorization: `Bearer ${await signIn('user')}` };
      case 'admin':
      case 'expired session':
        return { authorization: `Bearer ${await signIn('admin')}` };
      case 'token with the scope':
      case 'token without the scope':
        return { authorization: `Bearer ${await apiToken(procedure, lacking)}` };
      case 'bad token':
        return { authorization: `Bearer ${'a'.repeat(40)}` };
      case 'page of another origin':
        return { 'sec-fetch-site': 'cross-site' };
      default:
        return {};
    }
  }

  test.each(routes)('$procedure', async ({ procedure, method, path }) => {
    // Of several scopes each one is missed.
    for (const lacking of who === 'token without the scope' ? scopesOf(procedure) : [null]) {
      isLater = false;
      const headers = await headersOf(procedure, lacking);
      isLater = who === 'expired session';
      server.sync.calls.length = 0;

      const body = bodiesOf(PEOPLE[who === 'user' ? 'user' : 'admin'].password)[procedure];
      const answer = await server.open(method, `/api/v1${path.replace('{id}', 'pos_1')}`, {
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      // Reads of a foreign page are let through as nobody; what changes state is refused before anyone asks who it is.
      const isRefusedPage = who === 'page of another origin' && method !== 'GET';
      const expected = EXPECTED[RULES[procedure] as Rule][who];
      const ran = RAN[procedure] ?? (isOfLedger(procedure) ? [200, 400, 404] : [200]);
      expect(isRefusedPage ? [403] : expected === 200 ? ran : [expected]).toContain(answer.status);
      if (answer.status !== 200) expect(server.sync.calls).toEqual([]);
      answer.response.destroy();
    }
  });
});

type Owned = { id: string; body?: object };

/** Makes something over REST and answers its id. */
async function make(server: TestServer, token: string, path: string, body: object): Promise<string> {
  return String((await server.rest('POST', path, { token, body })).body?.['id']);
}

const anAccount = async (server: TestServer, token: string): Promise<Owned> => ({
  id: await make(server, token, '/accounts', { name: 'Cash', type: 'wallet', currency: 'EUR' }),
});
const aCategory = async (server: TestServer, token: string): Promise<Owned> => ({
  id: await make(server, token, '/categories', { name: 'Hats' }),
});
const aTransaction = async (server: TestServer, token: string): Promise<Owned> => {
  const { id: accountId } = await anAccount(server, token);
  const draft = { kind: 'income', account_id: accountId, amount: '1', occurred_on: '2026-01-02' };
  return { id: await make(server, token, '/transactions', draft) };
};

const aRate = async (server: TestServer, token: string): Promise<Owned> => ({
  id: await make(server, token, '/rates', { base: 'EUR', quote: 'USD', date: '2026-01-02', rate: '1.08' }),
});
const aRecurring = async (server: TestServer, token: string): Promise<Owned> => {
  const draft = { kind: 'expense', account_id: (await anAccount(server, token)).id, amount: '1' };
  const body = { name: 'Rent', draft, rule: 'FREQ=YEARLY', starts_on: '2100-01-01' };
  return { id: await make(server, token, '/recurring', body) };
};
const aReconciliation = async (server: TestServer, token: string): Promise<Owned> => {
  const { id } = await aTransaction(server, token);
  const account_id = (await server.rest('GET', `/transactions/${id}`, { token })).body?.['account_id'];
  const body = { account_id, statement_date: '2026-01-31', statement_balance: '0' };
  return { id: await make(server, token, '/reconciliations', body), body: { transaction_ids: [id] } };
};
const aRule = async (server: TestServer, token: string): Promise<Owned> => {
  const conditions = [{ field: 'payee', op: 'equals', value: 'Baker' }];
  return { id: await make(server, token, '/rules', { name: 'Baker', conditions, actions: { note: 'Bread' } }) };
};

const anImport = async (server: TestServer, token: string): Promise<Owned> => {
  const { id: accountId } = await anAccount(server, token);
  const body = { source: 'bank', account_id: accountId, text: 'date,amount\n2026-01-02,1\n' };
  return { id: await make(server, token, '/imports', body) };
};

/** How to make a thing of one's own for each procedure that names one by its id; null where it is everybody's. */
const OWNED: Record<string, ((server: TestServer, token: string) => Promise<Owned>) | null> = {
  'accounts.get': anAccount,
  'accounts.statement': anAccount,
  'accounts.update': async (...who) => ({ ...(await anAccount(...who)), body: { name: 'Purse' } }),
  'accounts.archive': anAccount,
  'accounts.restore': anAccount,
  'accounts.delete': anAccount,
  'accounts.moveEntries': async (...who) => ({
    ...(await anAccount(...who)),
    body: { to_account_id: (await anAccount(...who)).id },
  }),
  'categories.get': aCategory,
  'categories.update': async (...who) => ({ ...(await aCategory(...who)), body: { name: 'Caps' } }),
  'categories.archive': aCategory,
  'categories.restore': aCategory,
  'categories.delete': aCategory,
  'categories.merge': async (server, token) => ({
    ...(await aCategory(server, token)),
    body: { into_id: await make(server, token, '/categories', { name: 'Caps' }) },
  }),
  'transactions.get': aTransaction,
  'transactions.update': async (...who) => ({ ...(await aTransaction(...who)), body: { amount: '2' } }),
  'transactions.delete': aTransaction,
  'rates.delete': aRate,
  'rates.deleteForAll': null,
  'recurring.get': aRecurring,
  'recurring.dates': aRecurring,
  'recurring.update': async (...who) => ({ ...(await aRecurring(...who)), body: { name: 'Lease' } }),
  'recurring.pause': aRecurring,
  'recurring.resume': aRecurring,
  'recurring.skip': async (...who) => ({ ...(await aRecurring(...who)), body: { date: '2101-01-01' } }),
  'recurring.unskip': async (server, token) => {
    const { id } = await aRecurring(server, token);
    const body = { date: '2101-01-01' };
    await server.rest('POST', `/recurring/${id}/skip`, { token, body });
    return { id, body };
  },
  'recurring.delete': aRecurring,
  'reconciliations.get': async (...who) => ({ id: (await aReconciliation(...who)).id }),
  'reconciliations.entries': async (...who) => ({ id: (await aReconciliation(...who)).id }),
  'reconciliations.update': async (...who) => ({
    ...(await aReconciliation(...who)),
    body: { statement_balance: '2' },
  }),
  'reconciliations.clear': aReconciliation,
  'reconciliations.clearAll': async (...who) => ({ ...(await aReconciliation(...who)), body: {} }),
  'reconciliations.unclear': aReconciliation,
  'reconciliations.finish': async (...who) => ({ ...(await aReconciliation(...who)), body: {} }),
  'reconciliations.reopen': async (server, token) => {
    const { id } = await aReconciliation(server, token);
    await server.rest('POST', `/reconciliations/${id}/finish`, { token, body: {} });
    return { id, body: {} };
  },
  'reconciliations.cancel': async (...who) => ({ id: (await aReconciliation(...who)).id }),
  'rules.get': aRule,
  'rules.update': async (...who) => ({ ...(await aRule(...who)), body: { name: 'Butcher' } }),
  'rules.delete': aRule,
  'imports.status': anImport,
  'imports.update': async (...who) => ({ ...(await anImport(...who)), body: { settings: { decimal_separator: ',' } } }),
  'imports.preview': anImport,
  'imports.commit': anImport,
  'imports.cancel': anImport,
  'imports.undo': async (server, token) => {
    const { id } = await anImport(server, token);
    await server.rest('POST', `/imports/${id}/commit`, { token, body: {} });
    // Its progress ends with it.
    const headers = { authorization: `Bearer ${token}` };
    await (await server.open('GET', `/api/v1/imports/${id}/progress`, { headers })).text();
    return { id };
  },
  // A stream of one that is ready waits for its end.
  'imports.progress': async (server, token) => {
    const { id } = await anImport(server, token);
    await server.rest('POST', `/imports/${id}/cancel`, { token });
    return { id };
  },
  'auth.sessions.end': async (server, token) => {
    await server.signIn('user');
    const { body } = await server.rest('GET', '/auth/sessions', { token });
    const items = body?.['items'] as { id: string; is_current: boolean }[];
    return { id: items.find((item) => !item.is_current)?.id ?? '' };
  },
  'auth.tokens.revoke': async (server, token) => {
    const body = { name: 'a script', scopes: ['users:read'] };
    return { id: await make(server, token, '/auth/tokens', body) };
  },
  'staking.position': null,
};

describe('a thing that somebody owns', () => {
  const withId = routes.filter(({ path }) => path.includes('{'));

  test('is known here for every procedure that takes an id', () => {
    expect(Object.keys(OWNED).toSorted()).toEqual(withId.map(({ procedure }) => procedure).toSorted());
  });

  test.each(withId.filter(({ procedure }) => OWNED[procedure] !== null))(
    'is to a stranger, an admin too, what does not exist: $procedure',
    async ({ procedure, method, path }) => {
      await using server = await startTestServer();
      const [owner, stranger] = [await server.signIn('user'), await server.signIn('admin')];
      const { id, body: own } = (await OWNED[procedure]?.(server, owner)) ?? { id: '' };
      const call = async (token: string, idInPath: string) => {
        const body = own ?? bodiesOf(PEOPLE.user.password)[procedure];
        const headers = { 'x-request-id': 'same' };
        const answer = await server.open(method, `/api/v1${path.replace('{id}', idInPath)}`, {
          headers: {
            ...headers,
            authorization: `Bearer ${token}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return { status: answer.status, text: await answer.text() };
      };
      const foreign = await call(stranger, id);
      expect(foreign.status).toBe(404);
      expect(foreign).toEqual(
        await call(
          stranger,
          id.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
        ),
      );
      expect((await call(owner, id)).status).toBe(200);
    },
  );
});

/** What shows or changes what belongs to another domain. */
const ALSO: Record<string, string[]> = {
  'accounts.statement': ['transactions:read'],
  'accounts.moveEntries': ['transactions:write'],
  'categories.merge': ['transactions:write', 'rules:write', 'recurring:write'],
  'categories.delete': ['transactions:write', 'rules:write', 'recurring:write'],
  'recurring.create': ['transactions:write'],
  'recurring.update': ['transactions:write'],
  'recurring.resume': ['transactions:write'],
  'recurring.unskip': ['transactions:write'],
  'reconciliations.entries': ['transactions:read'],
  'reconciliations.clear': ['transactions:write'],
  'reconciliations.clearAll': ['transactions:write'],
  'reconciliations.unclear': ['transactions:write'],
  'reconciliations.finish': ['transactions:write'],
  'reconciliations.reopen': ['transactions:write'],
  'reconciliations.cancel': ['transactions:write'],
  'rules.preview': ['transactions:read'],
  'rules.run': ['transactions:write'],
  'imports.preview': ['transactions:read'],
  'imports.commit': ['transactions:write'],
  'imports.cancel': ['transactions:write'],
  'imports.undo': ['transactions:write'],
  'exports.stream': ['accounts:read', 'categories:read', 'transactions:read'],
};

/** Told once more, apart from the code that enforces it. */
function scopesOf(procedure: string): string[] {
  const type = (appRouter._def.procedures as unknown as Record<string, { _def: { type: string } }>)[procedure]?._def
    .type;
  return [`${procedure.split('.')[0]}:${type === 'mutation' ? 'write' : 'read'}`, ...(ALSO[procedure] ?? [])];
}
