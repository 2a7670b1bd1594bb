import { EventEmitter, once } from 'node:events';
import { type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import type { Context } from '../trpc/context.ts';
import { LARGE_BODY_BYTES_MAX, MIDDLE_BODY_BYTES_MAX } from '../trpc/limits.ts';
import { LargeBodies } from './large-body.ts';
import { startTestServer } from './test-server.ts';

/** A request of a person that has been read no further than its headers. */
function exchangeOf(userId: string) {
  const socket = Object.assign(new EventEmitter(), { destroyed: false });
  const request = { headers: { 'transfer-encoding': 'chunked' }, socket, complete: true };
  const response = Object.assign(new EventEmitter(), { closed: false });
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
    begin(userId: string) {
      const { exchange, createContext, ...ends } = exchangeOf(userId);
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
  const others = ['b', 'c', 'd', 'e', 'f'].map(begin);
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
