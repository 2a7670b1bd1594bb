import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFinverseClient, type FinverseClient } from './client.ts';
import type { LiveEvent } from './types.ts';
import { STAKER, startServer, type TestServer } from './test-server.ts';

const ONE_TOKEN = 10n ** 18n;

let server: TestServer;
let finverse: FinverseClient;
beforeAll(async () => {
  server = await startServer();
  finverse = createFinverseClient({ url: server.url });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Reads everything from `lastEventId` until the fact of a transaction, then leaves. */
async function readFrom(client: FinverseClient, lastEventId: string, txHash: string): Promise<LiveEvent[]> {
  const stream = client.sync.live.subscribe({ lastEventId });
  const events = await readUntil(stream, txHash);
  await stream.return?.();
  return events;
}

/** Reads on until the fact of a transaction comes, and answers everything that came. */
async function readUntil(stream: AsyncIterator<LiveEvent>, txHash: string): Promise<LiveEvent[]> {
  const events: LiveEvent[] = [];
  for (;;) {
    const { value, done } = await stream.next();
    if (done) throw new Error('the stream ended');
    events.push(value);
    if (value.data.type === 'fact' && value.data.fact.txHash === txHash) return events;
  }
}

const idsOf = (events: LiveEvent[]) => events.map(({ id }) => id);

test('a stake made on the chain arrives, with the position after it', async () => {
  const txHash = await server.stake(3n * ONE_TOKEN);
  for await (const event of finverse.sync.live.subscribe({ lastEventId: '0' })) {
    if (event.data.type !== 'fact' || event.data.fact.txHash !== txHash) continue;
    expect(event.id).toMatch(/^\d+$/);
    expect(event.data.fact).toMatchObject({ event: 'Staked', amountRaw: '3000000000000000000', status: 'applied' });
    expect(event.data.position).toMatchObject({ ownerAddress: STAKER.toLowerCase(), amount: '3.00000000' });
    break;
  }
});

test('without any input it begins at the present', async () => {
  await readFrom(finverse, '0', await server.stake(ONE_TOKEN));
  const stream = finverse.sync.live.subscribe();
  // Says that the subscription stands, and from where to come back.
  const { value: place } = await stream.next();
  expect((place as LiveEvent).data).toEqual({ type: 'checkpoint' });
  const txHash = await server.stake(ONE_TOKEN);
  const { value: first } = await stream.next();
  expect((first as LiveEvent).data).toMatchObject({ type: 'fact', fact: { txHash } });
  await stream.return?.();
});

test('an aborted subscription ends without an error and lets its place go', async () => {
  const abort = new AbortController();
  const stream = finverse.sync.live.subscribe({ lastEventId: '0' }, { signal: abort.signal });
  await stream.next();
  const waiting = readUntil(stream, '0xnone');
  abort.abort();
  await expect(waiting).rejects.toThrow('the stream ended');
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test('a subscription lives through a restart of the server, without gap or duplicate', async () => {
  const stream = finverse.sync.live.subscribe({ lastEventId: '0' });
  const seen = await readUntil(stream, await server.stake(ONE_TOKEN));
  const waiting = stream.next();
  await server.stop();
  await server.start();
  const hashes = [await server.stake(2n * ONE_TOKEN), await server.stake(4n * ONE_TOKEN)];
  const first = await waiting;
  if (first.done) throw new Error('the stream ended');
  seen.push(first.value, ...(await readUntil(stream, hashes[1]!)));
  await stream.return?.();

  expect(seen.map(({ data }) => data.type)).not.toContain('resync');
  expect(new Set(idsOf(seen)).size).toBe(seen.length);
  const replayed = await readFrom(finverse, '0', hashes[1]!);
  expect(idsOf(seen)).toEqual(idsOf(replayed));
});

test('reading goes on after the id of the last event, in another client as well', async () => {
  const first = await readFrom(finverse, '0', await server.stake(ONE_TOKEN));
  const lastEventId = first.at(-1)!.id;
  const missed = [await server.stake(ONE_TOKEN), await server.stake(ONE_TOKEN)];
  const other = createFinverseClient({ url: server.url });
  const events = await readFrom(other, lastEventId, missed[1]!);
  expect(events.map(({ data }) => data.type === 'fact' && data.fact.txHash)).toEqual(missed);
});
