import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFinverseClient, type FinverseClient } from './client.ts';
import { isFinverseError } from './errors.ts';
import { startServer, startStub, type TestServer } from './test-server.ts';
import { uploadImportFile } from './upload.ts';

let server: TestServer;
let finverse: FinverseClient;
let accountId: string;
beforeAll(async () => {
  server = await startServer();
  finverse = createFinverseClient({ url: server.url });
  await finverse.auth.login.mutate(server.demo);
  const account = { name: 'Cash', type: 'wallet', currency: 'EUR' } as const;
  accountId = (await finverse.accounts.create.mutate(account)).id;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const HEADER = 'date,amount,payee\n';
const rows = (count: number) =>
  Array.from({ length: count }, (_, index) => `2026-01-02,-1.25,shop ${index}\n`).join('');

/** What a call fails with. */
const refusalOf = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!isFinverseError(error)) throw new Error('no FinverseError', { cause: error });
  return error;
};

const text = HEADER + rows(3);
const bytes = new TextEncoder().encode(text);

test.each([
  ['text', () => text],
  ['bytes', () => bytes],
  ['a Blob', () => new Blob([text], { type: 'text/plain' })],
  ['a stream', () => new Blob([text]).stream()],
] as const)('a file that is %s is uploaded with the session of the client, and then imported', async (_kind, file) => {
  const uploaded = await uploadImportFile(finverse, file());
  expect(uploaded).toEqual({
    id: expect.any(String) as string,
    bytes: bytes.length,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    createdAt: expect.stringMatching(/Z$/) as string,
  });
  const { id } = await finverse.imports.create.mutate({ source: 'bank', accountId, fileId: uploaded.id });
  expect((await finverse.imports.preview.query({ id })).counts).toMatchObject({ read: 3, faulty: 0 });
});

test('a file larger than what a procedure takes is uploaded whole', async () => {
  const file = HEADER + rows(20_000);
  expect((await uploadImportFile(finverse, file)).bytes).toBe(file.length);
});

test('sent again with its key a file is kept once; what is no key is not sent', async () => {
  const first = await uploadImportFile(finverse, text, { idempotencyKey: 'february' });
  expect(await uploadImportFile(finverse, text, { idempotencyKey: 'february' })).toEqual(first);
  expect((await uploadImportFile(finverse, text)).id).not.toBe(first.id);
  const other = uploadImportFile(finverse, `${text}x`, { idempotencyKey: 'february' });
  expect((await refusalOf(other)).code).toBe('IDEMPOTENCY_KEY_REUSED');
  expect((await refusalOf(uploadImportFile(finverse, text, { idempotencyKey: 'two words' }))).code).toBe(
    'INVALID_OPTIONS',
  );
});

test('what the server refuses is the error that a procedure throws', async () => {
  const stranger = createFinverseClient({ url: server.url });
  const refused = await refusalOf(uploadImportFile(stranger, text));
  expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', httpStatus: 401, details: [] });
  expect(refused.requestId).toMatch(/./);
  const scopes = ['imports:read'] as const;
  const { token } = await finverse.auth.tokens.create.mutate({ name: 'reader', scopes: [...scopes] });
  const reader = createFinverseClient({ url: server.url, token });
  expect(await refusalOf(uploadImportFile(reader, text))).toMatchObject({
    code: 'FORBIDDEN',
    details: [{ message: 'needs the scope imports:write' }],
  });
});

test('no answer, a foreign one and an aborted call are told apart', async () => {
  const nobody = createFinverseClient({ url: 'http://127.0.0.1:1' });
  expect((await refusalOf(uploadImportFile(nobody, text))).code).toBe('UNREACHABLE');
  await using proxy = await startStub((_request, response) => {
    response.writeHead(413, { 'content-type': 'text/html', 'retry-after': '7' }).end('<h1>too large</h1>');
  });
  const behind = createFinverseClient({ url: proxy.url });
  const foreign = await refusalOf(uploadImportFile(behind, text));
  expect([foreign.code, foreign.httpStatus]).toEqual(['UNEXPECTED_ANSWER', 413]);
  const aborted = await refusalOf(uploadImportFile(finverse, text, { signal: AbortSignal.abort() }));
  expect(aborted.code).toBe('ABORTED');
});

test('a client of somebody else is refused', async () => {
  await expect(uploadImportFile({} as FinverseClient, text)).rejects.toThrow(TypeError);
});
