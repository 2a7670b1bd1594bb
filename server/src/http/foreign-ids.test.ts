import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../kernel/ids.ts';
import { type Procedure, procedures, toCall, withValue } from './test-inputs.ts';
import { dumpTables, makeOwner, type Owner, validInputs } from './test-people.ts';
import { startTestServer, type TestServer } from './test-server.ts';

type IdField = { name: string; procedure: Procedure; path: readonly string[] };

/** Every field that takes an id of something that is a person's own. */
const idFields: IdField[] = procedures()
  .filter(({ procedure }) =>
    /^(auth|accounts|categories|transactions|rates|recurring|reconciliations|rules|integrity|imports|exports)\./.test(
      procedure,
    ),
  )
  .flatMap((procedure) =>
    procedure.fields
      .filter(({ kind }) => kind === 'id')
      .map(({ path }) => ({ name: `${procedure.procedure} ${path.join('.')}`, procedure, path })),
  );

/** A preview of what there is not is no preview that was shown. */
const SAYS_WHAT_THERE_IS_NOT =
  /There is no such|is no (account|category|file|transaction on the account)|must name every rule|is of another preview/;

describe('what is somebody else’s answers as what does not exist', () => {
  let server: TestServer;
  let owner: Owner;
  let admin: Owner;
  beforeAll(async () => {
    server = await startTestServer({ rateLimitScale: 100_000 });
    owner = await makeOwner(server, 'user');
    admin = await makeOwner(server, 'admin');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('there are such fields', () => {
    expect(idFields.length).toBeGreaterThan(30);
  });

  test.each(idFields)(
    '$name: status and body are equal byte by byte, and nothing is written',
    async ({ procedure, path }) => {
      const before = await dumpTables(server);
      const [caller, stranger] = procedure.access === 'admin' ? [admin, owner] : [owner, admin];
      const valid = validInputs(caller)[procedure.procedure] ?? {};
      const answerFor = async (id: string) => {
        // A field of a part needs the rest of the part: what is missing would be refused first.
        const input = withValue(completed(procedure, valid, path, caller), path, id);
        const call = toCall(procedure, input);
        const response = await fetch(`${server.url}/api/v1${call.path}`, {
          method: call.method,
          headers: { authorization: `Bearer ${caller.token}`, 'content-type': 'application/json' },
          ...(call.body ? { body: JSON.stringify(call.body) } : {}),
        });
        const text = await response.text();
        // The token of a preview stands for what was asked as well, and that differs.
        const alike = text.replace(/"request_id":"[^"]*"/, '"request_id":""').replace(/"token":"\w{64}"/, '"token":""');
        return `${response.status} ${alike}`;
      };
      const kinds = [
        ['acc', stranger.accountId],
        ['cat', stranger.categoryId],
        ['txn', stranger.transactionId],
        ['rat', stranger.rateId],
        ['rec', stranger.recurringId],
        ['rcn', stranger.reconciliationId],
        ['rul', stranger.ruleId],
        ['imp', stranger.importId],
        ['upl', stranger.fileId],
        ['ses', stranger.sessionId],
        ['tok', stranger.apiTokenId],
      ] as const;
      for (const [prefix, foreign] of kinds) {
        const missing = await answerFor(newId(prefix));
        expect(await answerFor(foreign)).toBe(missing);
        const isFilter =
          procedure.type === 'query' &&
          procedure.pathParameters.length === 0 &&
          // To say of a person who does not exist that everything is sound would be wrong.
          procedure.procedure !== 'integrity.checkAll';
        expect(missing).toMatch(isFilter ? /^200 \{"items":\[\]/ : /^4\d\d \{"error":/);
        // Not refused for something else: the answer says what there is not.
        if (!isFilter) expect(missing).toMatch(SAYS_WHAT_THERE_IS_NOT);
      }
      expect(await dumpTables(server)).toEqual(before);
    },
  );
});

/** The input with what goes along with the field: a split with its amount, a transfer with its kind. */
function completed(
  { procedure }: Procedure,
  valid: Record<string, unknown>,
  path: readonly string[],
  owner: Owner,
): Record<string, unknown> {
  const [first, , third] = path;
  const has = (name: string) => path.includes(name);
  const transfer = { kind: 'transfer', category_id: null, transfer: { to_account_id: owner.otherAccountId } };
  const item = (base: Record<string, unknown>) => ({
    ...base,
    ...(has('splits') ? { amount: '2', splits: [{ amount: '2' }], category_id: null } : {}),
    ...(has('transfer') ? transfer : {}),
  });
  if (first === 'file_id') {
    const { text: _text, ...rest } = valid;
    return rest;
  }
  if (first === 'draft') return { ...valid, draft: item(valid['draft'] as Record<string, unknown>) };
  if (procedure !== 'transactions.bulk') return item(valid);
  const [created] = valid['create'] as Record<string, unknown>[];
  if (first === 'create') return { create: [item(created ?? {})] };
  if (first === 'delete') return { delete: [] };
  return { update: [item(third === 'id' ? {} : { id: owner.transactionId })] };
}
