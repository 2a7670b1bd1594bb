import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mutex } from './mutex.ts';

test('work runs one after the other in the order it came, whatever each takes and however it ends', async () => {
  const work = fc.record({
    ticks: fc.integer({ min: 0, max: 5 }),
    ending: fc.constantFrom('answers', 'rejects', 'throws'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(work, { maxLength: 20 }), async (items) => {
      const mutex = new Mutex();
      const order: number[] = [];
      let running = 0;
      const outcomes = await Promise.allSettled(
        items.map(({ ticks, ending }, index) =>
          mutex.run(() => {
            order.push(index);
            running += 1;
            expect(running).toBe(1);
            const leave = () => {
              running -= 1;
              if (ending !== 'answers') throw new Error(`fault ${index}`);
              return index;
            };
            if (ending === 'throws') leave();
            return (async () => {
              for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
              return leave();
            })();
          }),
        ),
      );
      expect(order).toEqual(items.map((_, index) => index));
      outcomes.forEach((outcome, index) => {
        const expected =
          items[index]?.ending === 'answers'
            ? { status: 'fulfilled', value: index }
            : { status: 'rejected', reason: new Error(`fault ${index}`) };
        expect(outcome).toEqual(expected);
      });
    }),
  );
});

test('a failure is its own caller’s alone: what waits behind it runs', async () => {
  const mutex = new Mutex();
  const failing = mutex.run(async () => Promise.reject(new Error('mine')));
  const waiting = mutex.run(async () => 'fine');
  await expect(failing).rejects.toThrow('mine');
  await expect(waiting).resolves.toBe('fine');
});
