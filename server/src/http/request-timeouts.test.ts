import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { allowLongBody, limitHeldBody, limitRequests } from './request-timeouts.ts';

type Sending = { isLong?: boolean; isHeld?: boolean; heldMs?: number; pauseMs: number; answerMs?: number };

/** Sends a body in pieces, with that pause before each, and answers the status, or why there is none. */
async function send({
  isLong = false,
  isHeld = false,
  heldMs = 5_000,
  pauseMs,
  answerMs = 0,
}: Sending): Promise<number | string> {
  const server = createServer((request, response) => {
    if (isLong) allowLongBody(request, 400);
    if (isHeld) limitHeldBody(request, { heldMs, idleMs: 400 });
    request.resume().once('end', () => setTimeout(() => response.end(), answerMs));
  });
  limitRequests(server, { requestMs: isHeld ? 5_000 : 300 });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = httpRequest({ host: '127.0.0.1', port, method: 'POST' });
  const answer = Promise.race([
    once(sent, 'response').then(([response]) => response.resume().statusCode as number),
    once(sent, 'error').then(([error]) => (error as NodeJS.ErrnoException).code ?? 'error'),
  ]);
  answer.catch(() => undefined);
  for (let piece = 0; piece < 6 && !sent.destroyed; piece += 1) {
    sent.write('x');
    await delay(pauseMs);
  }
  sent.end();
  const status = await answer.catch(String);
  server.closeAllConnections();
  server.close();
  return status;
}

test('a file may come for as long as something of it comes, and any other request for its time alone', async () => {
  expect(await send({ isLong: true, pauseMs: 100 })).toBe(200);
  expect(await send({ isLong: false, pauseMs: 10 })).toBe(200);
  expect(await send({ isLong: false, pauseMs: 100 })).not.toBe(200);
  expect(await send({ isLong: true, pauseMs: 700 })).not.toBe(200);
});

test('a body that is held in memory is given up when it stops coming, however long its answer takes', async () => {
  expect(await send({ isHeld: true, pauseMs: 700 })).not.toBe(200);
  expect(await send({ isHeld: true, pauseMs: 10, answerMs: 700 })).toBe(200);
  expect(await send({ isHeld: true, heldMs: 300, pauseMs: 100 })).not.toBe(200);
  expect(await send({ isHeld: true, heldMs: 300, pauseMs: 10, answerMs: 700 })).toBe(200);
  expect(await send({ isLong: true, pauseMs: 10, answerMs: 700 })).toBe(200);
});

test('what is answered before it has come may not go on for long', async () => {
  const server = createServer((_request, response) => void response.writeHead(404).end());
  limitRequests(server, { leftoverMs: 100 });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = httpRequest({ host: '127.0.0.1', port, method: 'POST' });
  sent.on('error', () => undefined);
  sent.write('x');
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(404);
  const dripping = setInterval(() => sent.write('x'), 20);
  // What ends it may be told as an error first, for which `once` would not wait.
  await new Promise((resolve) => sent.once('close', resolve));
  clearInterval(dripping);
  expect(sent.socket?.destroyed).toBe(true);
  server.close();
  await once(server, 'close');
});

test('an answer of which nothing is taken is ended, one that is worked on is not', async () => {
  const closed = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    response.once('close', () => closed.resolve(response.writableFinished ? 'taken' : 'ended'));
    if (request.url === '/slow') setTimeout(() => response.end('done'), 500);
    else response.end(Buffer.alloc(64 * 1024 * 1024));
  });
  limitRequests(server, { stalledMs: 100 });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const deaf = connect({ port, host: '127.0.0.1' }).pause();
  deaf.on('error', () => undefined);
  deaf.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await closed.promise).toBe('ended');
  const slow = await fetch(`http://127.0.0.1:${port}/slow`);
  expect(await slow.text()).toBe('done');
  deaf.destroy();
  server.closeAllConnections();
  server.close();
});
