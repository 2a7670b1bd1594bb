import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { type EventSourceInit, FetchEventSource } from './event-source.ts';
import { startStub } from './test-server.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that gives the answers one after the other, the last one for ever, and notes the requests. */
async function startScript(...answers: Answer[]) {
  const requests: IncomingMessage[] = [];
  const stub = await startStub((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]!;
    requests.push(request);
    answer(request, response);
  });
  return { ...stub, requests };
}

const events =
  (text: string): Answer =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
const status =
  (code: number): Answer =>
  (_request, response) =>
    response.writeHead(code).end();
const cutOff: Answer = (request) => request.socket.destroy();

function open(url: string, init: Partial<EventSourceInit> = {}) {
  const source = new FetchEventSource(url, { fetch, headers: async () => ({}), ...init });
  const messages: unknown[] = [];
  const errors: string[] = [];
  source.addEventListener('message', (event) => messages.push(event));
  source.addEventListener('error', (error) => errors.push(error instanceof Error ? error.message : ''));
  const until = (type: string) => new Promise<void>((resolve) => source.addEventListener(type, () => resolve()));
  return { source, messages, errors, until };
}

test('it connects again after a cut, an end and a server error, from the last event on', async () => {
  await using server = await startScript(
    events('id: 5\ndata: a\n\n'),
    status(503),
    cutOff,
    events('id: 6\ndata: b\n\nevent: last\ndata:\n\n'),
  );
  const { source, messages, until } = open(server.url);
  await until('last');
  source.close();
  expect(messages).toEqual([
    { type: 'message', data: 'a', lastEventId: '5' },
    { type: 'message', data: 'b', lastEventId: '6' },
  ]);
  expect(server.requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '5', '5', '5']);
});

test('it gives up where trying again would get the same answer', async () => {
  await using server = await startScript(status(404));
  const { source, errors, until } = open(server.url);
  await until('error');
  expect(source.readyState).toBe(source.CLOSED);
  expect(errors).toEqual(['unexpected answer with HTTP status 404']);
  expect(server.requests).toHaveLength(1);
});

test('headers are asked for at each connection', async () => {
  let calls = 0;
  await using server = await startScript(events(''), events('event: last\ndata:\n\n'));
  const { source, until } = open(server.url, { headers: async () => ({ authorization: `Bearer ${(calls += 1)}` }) });
  await until('last');
  source.close();
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
});

test('closing it ends the connection, and a listener that was removed hears nothing', async () => {
  let hasLeft: Promise<void> | undefined;
  await using server = await startScript((request, response) => {
    hasLeft = new Promise((resolve) => request.on('close', resolve));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: a\n\n');
  });
  const { source, messages, errors, until } = open(server.url);
  const removed = () => messages.push('removed');
  source.addEventListener('message', removed);
  source.removeEventListener('message', removed);
  await until('message');
  source.close();
  await hasLeft;
  expect(messages).toEqual([{ type: 'message', data: 'a', lastEventId: '' }]);
  expect(errors).toEqual([]);
});
