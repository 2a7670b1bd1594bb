import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import type { Context } from '../trpc/context.ts';
import { LARGE_BODY_BYTES_MAX, MIDDLE_BODY_BYTES_MAX } from '../trpc/limits.ts';
import { LargeBodies } from './large-body.ts';
import { startTestServer } from './test-server.ts';

/** A request of a person that has been read no further than its headers. */
function exchangeOf(userId: string, headers: Record<string, string>) {
  const socket = Object.assign(new EventEmitter(), { destroyed: false });
  const request = { headers, socket, complete: true };
  const response = Object.assign(new EventEmitter(), { closed: false, write: () => true, end: () => undefined });
  const context = { caller: { userId, tokenScopes: null }, limiter: { take: () => undefined } };
  return {
    exchange: { request: request as unknown as IncomingMessage, response: response as unknown as ServerResponse },
    createContext: async () => context as unknown as Context,
    end() {
      response.closed = true;
      response.emit('close');
    },
    leave() {
      socket.destroyed = true;
      socket.emit('close');
    },
  };
}

/** Whose requests were let in, in their order, as far as nothing more is under way. */
function admissions(bodies: LargeBodies, bytesMax: number) {
  const admitted: string[] = [];
  return {
    begin(userId: string, headers: Record<string, string> = { 'transfer-encoding': 'chunked' }) {
      const { exchange, createContext, ...ends } = exchangeOf(userId, headers);
      void bodies.admit(exchange, bytesMax, createContext).then((is) => admitted.push(is ? userId : `${userId} left`));
      return ends;
    },
    async settled() {
      await new Promise((resolve) => setImmediate(resolve));
      return admitted.splice(0);
    },
  };
}

test('one file of a person and four of the process are held at a time; the next comes when an answer is out', async () => {
  const { begin, settled } = admissions(new LargeBodies(), LARGE_BODY_BYTES_MAX);
  const first = begin('a');
  begin('a');
  const others = ['b', 'c', 'd', 'e', 'f'].map((userId) => begin(userId));
  expect(await settled()).toEqual(['a', 'b', 'c', 'd']);
  others[0]?.end();
  expect(await settled()).toEqual(['e']);
  first.end();
  expect(await settled()).toEqual(['f']);
  others[4]?.leave();
  expect(await settled()).toEqual(['a']);
});

test('who leaves while they wait is not read, and keeps nobody waiting', async () => {
  const { begin, settled } = admissions(new LargeBodies(), MIDDLE_BODY_BYTES_MAX);
  const first = begin('a');
  begin('a').leave();
  begin('a');
  expect(await settled()).toEqual(['a']);
  first.end();
  expect(await settled()).toEqual(['a left', 'a']);
});

test('files keep nobody from the other large bodies', async () => {
  const bodies = new LargeBodies();
  const files = admissions(bodies, LARGE_BODY_BYTES_MAX);
  for (const userId of ['a', 'b', 'c', 'd', 'e']) files.begin(userId);
  const middle = admissions(bodies, MIDDLE_BODY_BYTES_MAX);
  middle.begin('a');
  expect(await middle.settled()).toEqual(['a']);
});

/** More than the sockets of both sides hold. */
const UNREAD = Buffer.alloc(64 * 1024 * 1024);

/** A server with large bodies of one person, whose answer to /stalled is written piece by piece, each when the one before it is taken. */
async function startServer() {
  const bodies = new LargeBodies();
  const context = { caller: { userId: 'a', tokenScopes: null }, limiter: { take: () => undefined } };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/unread') return response.end(UNREAD);
    await bodies.admit({ request, response }, LARGE_BODY_BYTES_MAX, async () => context as unknown as Context);
    for await (const _ of request);
    if (request.url === '/stalled' && !response.write(UNREAD)) await once(response, 'drain');
    return response.end('done');
  };
  const server = createServer((request, response) => void answer(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    /** Sends the requests on one connection, of which nothing is ever read. */
    async sendUnread(requests: string) {
      const socket = connect({ port, host: '127.0.0.1' }).pause();
      await once(socket, 'connect');
      socket.write(requests);
      return socket;
    },
    async send(path: string) {
      const headers = { 'transfer-encoding': 'chunked' };
      const sent = httpRequest({ host: '127.0.0.1', port, method: 'POST', path, headers, agent: false });
      sent.end('x');
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      return response.resume().statusCode;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const post = (path: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`;

test.each([
  ['after another one that is not read', `GET /unread HTTP/1.1\r\nHost: x\r\n\r\n${post('/')}`],
  ['that is larger than the connection takes', post('/stalled')],
])('an answer %s keeps no place', async (_, requests) => {
  await using server = await startServer();
  const deaf = await server.sendUnread(requests);
  expect(await server.send('/')).toBe(200);
  deaf.destroy();
});

test('a body that says it is small takes no place, also where a file may be sent', async () => {
  const { begin, settled } = admissions(new LargeBodies(), LARGE_BODY_BYTES_MAX);
  begin('a');
  begin('a', { 'content-length': '100' });
  begin('a', { 'content-length': String(MIDDLE_BODY_BYTES_MAX) });
  expect(await settled()).toEqual(['a', 'a']);
});

test.each(['/api/v1/rates/import', '/trpc/rates.import'])(
  'a second file of a person to %s is read when the first has its answer',
  async (path) => {
    await using server = await startTestServer();
    const token = await server.signIn('user');
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'transfer-encoding': 'chunked',
    };
    const answers: string[] = [];
    const begin = (name: string) => {
      const sent = httpRequest({ host: '127.0.0.1', port: server.port, method: 'POST', path, headers, agent: false });
      const answered = once(sent, 'response').then(([response]) => {
        answers.push(`${name} ${(response as IncomingMessage).statusCode}`);
      });
      sent.write('{');
      return { sent, answered };
    };
    const first = begin('first');
    // Answers that come meanwhile show that the first is there and the second would have been read.
    await server.rest('GET', '/rates', { token });
    const second = begin('second');
    second.sent.end('}');
    for (let call = 0; call < 5; call += 1) await server.rest('GET', '/rates', { token });
    first.sent.end('}');
    await Promise.all([first.answered, second.answered]);
    expect(answers).toEqual(['first 400', 'second 400']);
  },
);
