import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

/** Work that says when it began and ends when it is told to. */
function held() {
  let end = () => {};
  let begin = () => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const ending = new Promise<void>((resolve) => (end = resolve));
  return { begun, end, work: async () => (begin(), ending) };
}

test('work of one key takes turns, and that of another does not wait for it', async () => {
  const turns = new Turns({ waitingMax: 8 });
  const [first, other] = [held(), held()];
  const order: string[] = [];
  const own = [
    turns.run('a', async () => {
      await first.work();
      order.push('first');
    }),
    turns.run('a', async () => void order.push('second')),
  ];
  const others = turns.run('b', other.work);
  await Promise.all([first.begun, other.begun]);
  expect(order).toEqual([]);
  other.end();
  await others;
  expect(order).toEqual([]);
  first.end();
  await Promise.all(own);
  expect(order).toEqual(['first', 'second']);
});

test('so many wait and no more; a place that is left is free again, however the work ended', async () => {
  const turns = new Turns({ waitingMax: 2 });
  for (let round = 0; round < 3; round += 1) {
    const first = held();
    const running = turns.run('a', first.work);
    const waiting = [
      turns.run('a', async () => 'second'),
      turns.run('a', async () => Promise.reject(new Error('third'))),
    ];
    const settled = Promise.allSettled(waiting);
    await expect(turns.run('a', async () => 'fourth')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterSeconds: 1,
    });
    expect(await turns.run('b', async () => 'of another')).toBe('of another');
    first.end();
    await running;
    expect(await settled).toMatchObject([{ value: 'second' }, { reason: { message: 'third' } }]);
  }
});
