import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/logger.ts';
import type { FaultKind } from './fault-kinds.ts';
import { EventWatcher } from './event-watcher.ts';
import type { BlockHeader, Hex } from './types.ts';

type Socket = Parameters<ConstructorParameters<typeof EventWatcher>[0]['holdSocket']>[0];

/** A queue that is written on one side and awaited on the other. */
class Channel<Item> {
  #items: Item[] = [];
  #waiting: ((item: Item) => void)[] = [];

  push(item: Item): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  /** Puts an item back, to be the next. */
  unshift(item: Item): void {
    this.#items.unshift(item);
  }

  async next(): Promise<Item> {
    return this.#items.length > 0
      ? (this.#items.shift() as Item)
      : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

const hashOf = (number: number): Hex => `0x${number.toString(16).padStart(64, '0')}`;
const block = (number: number): BlockHeader => ({
  number,
  hash: hashOf(number),
  parentHash: hashOf(number - 1),
  timestamp: number,
  logsBloom: '0x',
});

type HeldSocket = Socket & { drop(): void };

let watcher: EventWatcher;
let heard: number[];
let faults: FaultKind[];
let sockets: Channel<HeldSocket>;
/** Each request for the head waits until the test answers it. */
let requests: Channel<(head: BlockHeader | null | Promise<never>) => void>;
let unanswered: ((head: null) => void)[];

beforeEach(() => {
  [heard, faults, unanswered] = [[], [], []];
  sockets = new Channel();
  requests = new Channel();
  watcher = new EventWatcher({
    reader: {
      header: () =>
        new Promise((resolve) => {
          unanswered.push(resolve);
          requests.push(resolve);
        }),
    },
    holdSocket: (socket) =>
      new Promise((_, reject) => {
        socket.signal.addEventListener('abort', () => reject(socket.signal.reason as Error), { once: true });
        sockets.push({ ...socket, drop: () => reject(new Error('dropped')) });
      }),
    wsUrls: ['ws://127.0.0.1:1'],
    onHead: ({ number }) => heard.push(number),
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    onFault: (kind) => faults.push(kind),
    pollIntervalMs: 1,
  });
  watcher.start();
});

const stop = async () => {
  const stopped = watcher.stop();
  for (const answer of unanswered) answer(null);
  await stopped;
};

afterEach(stop);

/** Answers the next requests for the head, and waits until the last of the answers was judged. */
const answerHeads = async (...numbers: number[]) => {
  for (const number of numbers) (await requests.next())(block(number));
  const next = await requests.next();
  requests.unshift(next);
};

const subscribe = async () => {
  const socket = await sockets.next();
  socket.onSubscribed();
  return socket;
};

test('a head that was asked for before the subscription and answered after it is handed on once, and not expected of the socket', async () => {
  const answer = await requests.next();
  const socket = await subscribe();
  answer(block(5));
  await answerHeads(5, 5, 5);
  expect(heard).toEqual([5]);
  expect(socket.signal.aborted).toBe(false);
});

test('a head of the time without a socket is handed on once, and not expected of the next one', async () => {
  const first = await subscribe();
  await answerHeads(5, 5);
  first.drop();
  const second = await subscribe();
  await answerHeads(6, 6, 6);
  expect(heard).toEqual([5, 6]);
  expect(second.signal.aborted).toBe(false);
});

test('a head that the socket tells of by the next look is handed on once', async () => {
  const socket = await subscribe();
  await answerHeads(5, 5, 6);
  socket.onHead(block(6));
  await answerHeads(6, 6);
  expect(heard).toEqual([5, 6]);
  expect(socket.signal.aborted).toBe(false);
});

test('a head that the socket does not tell of is handed on at the next look, and the socket is made anew', async () => {
  const silent = await subscribe();
  await answerHeads(5, 5, 6);
  expect(heard).toEqual([5]);
  await answerHeads(6);
  expect(heard).toEqual([5, 6]);
  expect(silent.signal.aborted).toBe(true);
  await subscribe();
  expect(faults).toEqual(['socket_silent', 'socket_ended']);
  await stop();
  expect(faults, 'an end that was asked for').toHaveLength(2);
});

test('a head that cannot be read is a fault', async () => {
  (await requests.next())(Promise.reject(new Error('no answer')));
  await answerHeads(5);
  expect(faults).toEqual(['head_unreadable']);
});

test('a socket that is silent from its first moment is found out like any other', async () => {
  const silent = await subscribe();
  await answerHeads(5, 6, 7, 8);
  expect(heard).toEqual([5, 6, 8]);
  expect(silent.signal.aborted).toBe(true);
});
