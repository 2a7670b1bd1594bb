import { expect, test, vi } from 'vitest';
import { STREAMS_MAX, STREAMS_PER_CALLER_MAX } from './limits.ts';
import { createStreamRegistry } from './streams.ts';

/** A source that says nothing until it is told to stop, and never if it is not. */
// oxlint-disable-next-line require-yield -- that it never yields is what it is for
async function* silent(signal: AbortSignal): AsyncGenerator<number> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

async function* count(upTo: number): AsyncGenerator<number> {
  for (let number = 1; number <= upTo; number += 1) yield number;
}

/** Somebody who needs no sign-in. */
const reader = (callerKey: string, signal?: AbortSignal) => ({ callerKey, signal, isSignedIn: null });

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

test('a stream that is read to its end is over', async () => {
  const streams = createStreamRegistry({ scale: 1 });
  const stream = streams.open(reader('a'));
  expect(streams.openCount).toBe(1);
  expect(await collect(stream.read(count(3)))).toEqual([1, 2, 3]);
  expect(streams.openCount).toBe(0);
  expect(stream.signal.aborted).toBe(true);
});

test('a reader that leaves ends a silent stream, also one that was never read', async () => {
  const streams = createStreamRegistry({ scale: 1 });
  const leaving = new AbortController();
  const read = streams.open(reader('a', leaving.signal));
  streams.open(reader('a', leaving.signal));
  const iterator = read.read(silent(read.signal));
  const next = iterator.next();
  leaving.abort();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(streams.openCount).toBe(0);
});

test('a source that fails ends the stream with its error', async () => {
  const streams = createStreamRegistry({ scale: 1 });
  async function* failing(): AsyncGenerator<number> {
    yield 1;
    throw new Error('broken');
  }
  await expect(collect(streams.open(reader('a')).read(failing()))).rejects.toThrow('broken');
  expect(streams.openCount).toBe(0);
});

test('ending all tells every reader once that the server shuts down, and the sources to stop', async () => {
  const streams = createStreamRegistry({ scale: 1 });
  const stream = streams.open(reader('a'));
  const iterator = stream.read(silent(stream.signal));
  const next = iterator.next();
  streams.endAll();
  await expect(next).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  expect(stream.signal.aborted).toBe(true);
  expect(() => streams.open(reader('b'))).toThrow(/shutting down/);
});

test('a caller and the process have a limit each', () => {
  const streams = createStreamRegistry({ scale: 1 });
  for (let index = 0; index < STREAMS_PER_CALLER_MAX; index += 1) streams.open(reader('a'));
  expect(() => streams.open(reader('a'))).toThrow(/Too many/);
  for (let index = STREAMS_PER_CALLER_MAX; index < STREAMS_MAX; index += 1) streams.open(reader(`caller ${index}`));
  expect(() => streams.open(reader('b'))).toThrow(/Too many/);
});

/** A stream whose sign-in lasts as `answer` says to the first, second, … question. */
function openAsked(answer: (asked: number) => boolean | Error) {
  let asked = 0;
  const streams = createStreamRegistry({ scale: 1, recheckMs: 1 });
  const isSignedIn = async () => {
    const said = answer((asked += 1));
    if (said instanceof Error) throw said;
    return said;
  };
  const stream = streams.open({ callerKey: 'a', signal: undefined, isSignedIn });
  return { streams, stream, next: stream.read(silent(stream.signal)).next(), asked: () => asked };
}

test('a stream ends once the sign-in is over that it was opened with', async () => {
  const { streams, stream, next } = openAsked((asked) => asked < 3);
  const nameless = streams.open(reader('b'));
  await expect(next).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(stream.signal.aborted).toBe(true);
  expect(nameless.signal.aborted).toBe(false);
  nameless.close();
});

test('a stream goes on while nobody can say whether its sign-in lasts', async () => {
  const { stream, next, asked } = openAsked((asks) => (asks < 4 ? new Error('the database is away') : asks < 6));
  await expect(next).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(asked()).toBe(6);
  expect(stream.signal.aborted).toBe(true);
});

test('sign-ins are asked after one at a time, and only while there are streams', async () => {
  const intervals = vi.spyOn(globalThis, 'setInterval');
  const ends = vi.spyOn(globalThis, 'clearInterval');
  const streams = createStreamRegistry({ scale: 1, recheckMs: 1 });
  let underWay = 0;
  let underWayMax = 0;
  let answered = 0;
  const isSignedIn = async () => {
    underWayMax = Math.max(underWayMax, (underWay += 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    underWay -= 1;
    answered += 1;
    return true;
  };
  const open = ['a', 'b', 'c'].map((callerKey) => streams.open({ callerKey, signal: undefined, isSignedIn }));
  const timers = intervals.mock.results.map(({ value }) => value as NodeJS.Timeout);
  intervals.mockRestore();
  await vi.waitUntil(() => answered > 6, 30_000);
  expect(underWayMax).toBe(1);
  expect(timers).toHaveLength(1);
  expect(ends).not.toHaveBeenCalledWith(timers[0]);
  for (const stream of open) stream.close();
  expect(ends).toHaveBeenCalledWith(timers[0]);
  ends.mockRestore();
});
