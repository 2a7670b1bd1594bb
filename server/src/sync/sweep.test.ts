import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Sweep } from './sweep.ts';

const ids = Array.from({ length: 30 }, (_, at) => `pos_${String(at).padStart(3, '0')}`);
const idAt = (at: number) => ids[Math.min(at, ids.length - 1)] as string;

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('stretch' as const),
      count: fc.nat({ max: 8 }),
      version: fc.nat({ max: 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('single' as const), at: fc.nat({ max: 29 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('roll-back' as const), depth: fc.nat({ max: 10 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const) }) },
);

describe('a round of the sweep', () => {
  test('tells each position the newest block at which it was verified, in stretches or out of turn, or the ancestor under it after a fork, and at the end what it saw in all', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const sweep = new Sweep();
        let verified = new Map<string, number>();
        let next = 0;
        let stretches: { block: number; version: number; count: number }[] = [];
        steps.forEach((item, at) => {
          const block = 100 + at;
          if (item.kind === 'stretch') {
            const through = Math.min(next + item.count, ids.length);
            const count = through - next;
            for (const id of ids.slice(next, through)) verified.set(id, block);
            next = through;
            stretches.push({ block, version: item.version, count });
            const throughId = count === 0 ? null : idAt(next - 1);
            sweep.noteStretch({
              throughId,
              block,
              version: item.version,
              amountRaw: BigInt(count) * 10n ** 30n,
              count,
            });
          } else if (item.kind === 'single') {
            verified.set(idAt(item.at), block);
            sweep.noteVerified(idAt(item.at), block);
          } else if (item.kind === 'roll-back') {
            const ancestor = block - item.depth;
            for (const [id, verifiedBlock] of verified) verified.set(id, Math.min(verifiedBlock, ancestor));
            stretches = stretches.map((seen) => ({ ...seen, block: Math.min(seen.block, ancestor) }));
            sweep.rollBackTo(ancestor);
          } else if (stretches.length > 0) {
            const versions = new Set(stretches.map(({ version }) => version));
            expect(sweep.endRound()).toEqual({
              startBlock: stretches[0]?.block,
              version: versions.size === 1 ? stretches[0]?.version : null,
              count: next,
              amountRaw: BigInt(next) * 10n ** 30n,
            });
            [verified, next, stretches] = [new Map(), 0, []];
          }
          expect(sweep.afterId).toBe(next === 0 ? '' : idAt(next - 1));
          for (const id of ids) expect(sweep.verifiedBlockOf(id), id).toBe(verified.get(id) ?? null);
        });
      }),
    );
  });

  test('cannot end before it began', () => {
    expect(() => new Sweep().endRound()).toThrow('no round was begun');
  });
});

test('a difference that the history did not explain is looked for again only now and then, a new one at once', () => {
  const sweep = new Sweep();
  expect(sweep.shouldSearch(1n)).toBe(true);
  sweep.noteUnexplained(1n);
  const answers = Array.from({ length: 31 }, () => sweep.shouldSearch(1n));
  expect(answers).toEqual([...Array<boolean>(30).fill(false), true]);
  sweep.noteUnexplained(1n);
  expect(sweep.shouldSearch(2n)).toBe(true);
});
