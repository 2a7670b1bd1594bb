import { expect, test } from 'vitest';
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

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

test('a stream that is read to its end is over', async () => {
  const streams = createStreamRegistry({ scale: 1 });
  const stream = streams.open('a', undefined);
  expect(streams.openCount).toBe(1);
  expect(await collect(stream.read(count(3)))).toEqual([1, 2, 3]);
  expect(streams.openCount).toBe(0);
  expect(stream.signal.aborted).toBe(true);
});

test('a reader that leaves ends a silent stream, also one that was never read', async () => {
  const streams = createStreamRegistry({ scale: 1 });
  const reader = new AbortController();
  const read = streams.open('a', reader.signal);
  streams.open('a', reader.signal);
  const iterator = read.read(silent(read.signal));
  const next = iterator.next();
  reader.abort();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(streams.openCount).toBe(0);
});

test('a source that fails ends the stream with its error', async () => {
  const streams = createStreamRegistry({ scale: 1 });
  async function* failing(): AsyncGenerator<number> {
    yield 1;
    throw new Error('broken');
  }
  await expect(collect(streams.open('a', undefined).read(failing()))).rejects.toThrow('broken');
  expect(streams.openCount).toBe(0);
});

test('ending all tells every reader once that the server shuts down, and the sources to stop', async () => {
  const streams = createStreamRegistry({ scale: 1 });
  const stream = streams.open('a', undefined);
  const iterator = stream.read(silent(stream.signal));
  const next = iterator.next();
  streams.endAll();
  await expect(next).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  expect(stream.signal.aborted).toBe(true);
  expect(() => streams.open('b', undefined)).toThrow(/shutting down/);
});

test('a caller and the process have a limit each', () => {
  const streams = createStreamRegistry({ scale: 1 });
  for (let index = 0; index < STREAMS_PER_CALLER_MAX; index += 1) streams.open('a', undefined);
  expect(() => streams.open('a', undefined)).toThrow(/Too many/);
  for (let index = STREAMS_PER_CALLER_MAX; index < STREAMS_MAX; index += 1) streams.open(`caller ${index}`, undefined);
  expect(() => streams.open('b', undefined)).toThrow(/Too many/);
});
