import { inspect } from 'node:util';
import { TRPCClientError } from '@trpc/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFinverseClient, type FinverseClientOptions } from './client.ts';
import { FinverseError, isFinverseError } from './errors.ts';
import { freePort, startServer, startStub, type TestServer } from './test-server.ts';
import { uploadImportFile } from './upload.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function errorOf(call: Promise<unknown>): Promise<FinverseError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isFinverseError(error)) throw new Error('the call did not fail as expected', { cause: error });
  return error;
}

describe('an error of the server', () => {
  test('carries code, status, request id and the fields that were refused', async () => {
    const finverse = createFinverseClient({ url: server.url });
    const error = await errorOf(
      finverse.sync.user.mutate({ userAddress: '0x12', extra: 1 } as { userAddress: string }),
    );
    expect(error).toBeInstanceOf(FinverseError);
    expect(error).toBeInstanceOf(TRPCClientError);
    expect(error).toMatchObject({
      name: 'FinverseError',
      code: 'VALIDATION_FAILED',
      httpStatus: 400,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      details: [{ path: 'userAddress' }, { path: 'extra', message: 'unknown field' }],
      message: 'The input was refused; see details.',
      retryAfterSeconds: null,
    });
  });

  test('says how long to wait where the server does', async () => {
    const finverse = createFinverseClient({ url: server.url });
    const wrong = { email: 'nobody@example.com', password: 'wrong' };
    let error = await errorOf(finverse.auth.login.mutate(wrong));
    for (let tries = 0; tries < 20 && error.code !== 'RATE_LIMITED'; tries += 1) {
      error = await errorOf(finverse.auth.login.mutate(wrong));
    }
    expect(error).toMatchObject({ code: 'RATE_LIMITED', httpStatus: 429 });
    expect(error.retryAfterSeconds).toBeGreaterThan(0);
  });

  test('reaches a subscription as well', async () => {
    const finverse = createFinverseClient({ url: server.url });
    const stream = finverse.sync.live.subscribe({ ownerAddress: 'me' });
    await expect(stream.next()).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      details: [{ path: 'ownerAddress' }],
    });
  });

  test('from before the router reaches calls and subscriptions alike', async () => {
    const foreign = createFinverseClient({ url: server.url, headers: { origin: 'https://elsewhere.example' } });
    expect(await errorOf(foreign.sync.start.mutate())).toMatchObject({ code: 'ORIGIN_REFUSED', httpStatus: 403 });
    await using stub = await startStub((_request, response) => {
      response.writeHead(403, { 'content-type': 'application/json' });
      const data = { code: 'ORIGIN_REFUSED', httpStatus: 403, requestId: 'r1', details: [] };
      response.end(JSON.stringify({ error: { json: { message: 'No.', code: -32_003, data } } }));
    });
    const refused = createFinverseClient({ url: stub.url });
    const expected = { code: 'ORIGIN_REFUSED', httpStatus: 403, requestId: 'r1', message: 'No.' };
    expect(await errorOf(refused.sync.status.query())).toMatchObject(expected);
    await expect(refused.sync.live.subscribe().next()).rejects.toMatchObject(expected);
  });
});

describe('without an answer of a server', () => {
  test('a server that is not there is UNREACHABLE, with the reason', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const error = await errorOf(createFinverseClient({ url }).sync.status.query());
    expect(error).toMatchObject({ code: 'UNREACHABLE', httpStatus: null, requestId: null, details: [] });
    expect(error.message).toBe(`${url} cannot be reached: fetch failed (ECONNREFUSED).`);
  });

  test('the error page of a proxy is UNEXPECTED_ANSWER, with its status', async () => {
    await using stub = await startStub((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>');
    });
    const error = await errorOf(createFinverseClient({ url: stub.url }).sync.status.query());
    expect(error).toMatchObject({ code: 'UNEXPECTED_ANSWER', httpStatus: 502, requestId: null });
  });

  test('a page instead of an event stream ends a subscription', async () => {
    await using stub = await startStub((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hello</h1>');
    });
    const stream = createFinverseClient({ url: stub.url }).sync.live.subscribe();
    await expect(stream.next()).rejects.toMatchObject({ code: 'UNEXPECTED_ANSWER', httpStatus: 200 });
  });

  test('a JSON answer that is none of ours is UNEXPECTED_ANSWER', async () => {
    await using stub = await startStub((_request, response) => {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    });
    const error = await errorOf(createFinverseClient({ url: stub.url }).sync.start.mutate());
    expect(error).toMatchObject({ code: 'UNEXPECTED_ANSWER', httpStatus: 404 });
  });

  test('an aborted call is ABORTED', async () => {
    await using stub = await startStub(() => undefined);
    const abort = new AbortController();
    const call = createFinverseClient({ url: stub.url }).sync.start.mutate(undefined, { signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    expect(await errorOf(call)).toMatchObject({ code: 'ABORTED', httpStatus: null });
  });
});

describe('what the caller gave and cannot be sent is INVALID_OPTIONS', () => {
  const secret = 'fv_secret';
  const errorsOf = (options: Partial<FinverseClientOptions>) => {
    const fetch = () => Promise.reject(new Error('sent'));
    const finverse = createFinverseClient({ url: 'http://127.0.0.1:1', fetch, ...options });
    return Promise.all(
      [finverse.sync.status.query(), finverse.sync.start.mutate(), uploadImportFile(finverse, 'x')].map(errorOf),
    );
  };

  test.each([`${secret}\nx`, `${secret} x`, `${secret}é`])('the token %j, which no error shows', async (token) => {
    for (const error of await errorsOf({ token })) {
      expect(error).toMatchObject({ code: 'INVALID_OPTIONS', httpStatus: null });
      expect(inspect(error, { depth: 5 })).not.toContain(secret);
    }
  });

  test('the name of a header is told, its value is not', async () => {
    for (const error of await errorsOf({ headers: { 'x-key': `${secret}\nx` } })) {
      expect(error).toMatchObject({ code: 'INVALID_OPTIONS', message: 'The header "x-key" cannot be sent.' });
      expect(inspect(error, { depth: 5 })).not.toContain(secret);
    }
  });

  test('a function that throws, with what it threw', async () => {
    const locked = new Error('the keychain is locked');
    const fails = () => Promise.reject(locked);
    for (const error of [...(await errorsOf({ token: fails })), ...(await errorsOf({ headers: fails }))]) {
      expect(error).toMatchObject({ code: 'INVALID_OPTIONS', cause: { cause: locked } });
    }
  });
});

describe('a query whose signal aborts while it shares a request', () => {
  test('is ABORTED at once, and the others get their answers', async () => {
    const answered = Promise.withResolvers<void>();
    await using stub = await startStub((_request, response) => {
      void answered.promise.then(() => {
        const answer = JSON.stringify([1, 2].map((json) => ({ result: { data: { json } } })));
        response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
      });
    });
    const finverse = createFinverseClient({ url: stub.url });
    const abort = new AbortController();
    const aborted = errorOf(finverse.sync.status.query(undefined, { signal: abort.signal }));
    const other = finverse.sync.health.query();
    setTimeout(() => abort.abort(), 20);
    expect(await aborted).toMatchObject({ code: 'ABORTED', httpStatus: null });
    answered.resolve();
    expect(await other).toBe(2);
  });

  test('is ABORTED without being sent where it has aborted before', async () => {
    let sent = 0;
    const fetch = () => ((sent += 1), Promise.reject(new Error('not sent')));
    const finverse = createFinverseClient({ url: server.url, fetch });
    const call = finverse.sync.status.query(undefined, { signal: AbortSignal.abort() });
    expect(await errorOf(call)).toMatchObject({ code: 'ABORTED' });
    expect(sent).toBe(0);
  });
});

test('no other error is taken for one', () => {
  for (const value of [null, undefined, 'text', {}, new Error('x'), new TRPCClientError('x')]) {
    expect(isFinverseError(value)).toBe(false);
  }
});
