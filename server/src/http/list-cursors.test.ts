import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeCursor, type ListName } from '../kernel/cursor.ts';
import { procedures, toCall } from './test-inputs.ts';
import { makeOwner, type Owner, validInputs } from './test-people.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Every list, by its name in cursors: one that is missing here does not compile. */
const LISTS = Object.keys({
  accounts: true,
  statement: true,
  transactions: true,
  'monthly totals': true,
  rates: true,
  recurring: true,
  imports: true,
  reconciliations: true,
  'reconciliation entries': true,
  'rules preview': true,
  integrity: true,
  positions: true,
  'staking logs': true,
  'staking conflicts': true,
  'sync runs': true,
  'pieces of csv': true,
  'pieces of json': true,
  'pieces of journal': true,
  'changes of account': true,
  'changes of category': true,
  'changes of transaction': true,
} satisfies Record<ListName, true>) as ListName[];

/** The places of all lists: what they are sorted by. */
const PLACES = [['x'], ['x', 'x'], [1, 'x'], ['x', 'x', 1], [1, 'x', 'x'], [1, 1, 'x'], ['x', 'x', 'x', 'x']];

/** The lists that are read behind the fakes of this server are not here. */
const paged = procedures()
  .filter(({ procedure, type, fields }) => {
    const hasCursor = fields.some(({ path }) => /^(cursor|last_event_id)$/.test(path.join('.')));
    return type !== 'mutation' && hasCursor && !/^(sync|staking|imports\.progress)/.test(procedure);
  })
  .flatMap((procedure) => {
    const changes = procedure.fields.some(({ path }) => path.join('.') === 'updated_since');
    const since = { updated_since: '1970-01-01T00:00:00Z' };
    return [
      ...(procedure.procedure === 'categories.list' ? [] : [{ ...procedure, beside: {} }]),
      ...(changes ? [{ ...procedure, procedure: procedure.procedure, beside: since }] : []),
    ];
  });

let server: TestServer;
let owner: Owner;
beforeAll(async () => {
  server = await startTestServer({ rateLimitScale: 100_000 });
  owner = await makeOwner(server, 'admin');
});
afterAll(() => server[Symbol.asyncDispose]());

/** Whose cursors a list takes, in the order in which the lists are read. */
const taken = new Map<string, ListName[]>();

test.each(paged)(
  '$procedure $beside goes on from its own cursors alone, others are a 400 that names it',
  async (list) => {
    const field = list.isStream ? 'last_event_id' : 'cursor';
    const own = new Set<ListName>();
    for (const name of LISTS) {
      for (const place of PLACES) {
        const valid = validInputs(owner)[list.procedure] ?? {};
        const call = toCall(list, { ...valid, ...list.beside, [field]: encodeCursor(name, place) });
        const answer = await fetch(`${server.url}/api/v1${call.path}`, {
          headers: { authorization: `Bearer ${owner.token}` },
        });
        if (answer.status === 200) {
          own.add(name);
          await answer.body?.cancel();
          continue;
        }
        const body = (await answer.json()) as { error: { details: { path: string }[] } };
        expect([answer.status, body.error.details.map(({ path }) => path)]).toEqual([400, [field]]);
      }
    }
    expect([...own]).toHaveLength(1);
    taken.set(`${list.procedure} ${Object.keys(list.beside).join()}`, [...own]);
  },
);

test('no two lists take the same cursors', () => {
  const names = [...taken.values()].flat();
  expect(names.length).toBeGreaterThan(12);
  expect(new Set(names).size).toBe(names.length);
});
