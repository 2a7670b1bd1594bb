import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findAncestor, findFloor, judgeHead, type MissingBlocks } from './local-chain.ts';
import type { BlockHeader, BlockRef, Checkpoint, Hex } from './types.ts';

/** A tree of blocks with forks: each block names the one it stands on; the first stands on nothing that is known. */
type Tree = BlockHeader[];

const hashOf = (index: number): Hex => `0x${index.toString(16).padStart(64, '0')}`;

const tree = fc
  .tuple(fc.integer({ min: 0, max: 5 }), fc.array(fc.nat(), { minLength: 1, maxLength: 25 }))
  .map(([firstNumber, choices]): Tree => {
    const blocks: Tree = [
      { number: firstNumber, hash: hashOf(1), parentHash: hashOf(0), timestamp: 0, logsBloom: '0x' },
    ];
    choices.forEach((choice, at) => {
      // Mostly on a recent block, so that there are long branches as well as many.
      const parent = blocks[Math.max(0, blocks.length - 1 - (choice % 4))] as BlockHeader;
      blocks.push({
        number: parent.number + 1,
        hash: hashOf(at + 2),
        parentHash: parent.hash,
        timestamp: 0,
        logsBloom: '0x',
      });
    });
    return blocks;
  });

/** From the block down to the root: itself and everything it stands on. */
function lineage(blocks: Tree, tip: BlockHeader): BlockHeader[] {
  const line = [tip];
  for (;;) {
    const parent = blocks.find(({ hash }) => hash === line.at(-1)?.parentHash);
    if (!parent) return line;
    line.push(parent);
  }
}

const pick = <Item>(items: readonly Item[], at: number): Item => items[at % items.length] as Item;

describe('judging a head', () => {
  test('agrees with the tree of blocks, for every head and cursor of random forks', () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat(), fc.nat({ max: 30 }), (blocks, headAt, cursorAt, kept) => {
        const head = pick(blocks, headAt);
        const cursor = pick(blocks, cursorAt);
        const applied = lineage(blocks, cursor);
        const checkpoints: Checkpoint[] = applied.slice(0, kept + 1);
        const isApplied = checkpoints.some(({ hash }) => hash === head.hash);
        const expected = isApplied
          ? 'known'
          : head.parentHash === cursor.hash
            ? 'extends'
            : // What lies further ahead may or may not build on the cursor; number and parent cannot tell.
              head.number > cursor.number + 1
              ? 'ahead'
              : 'fork';
        expect(judgeHead(head, cursor, checkpoints, 0)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test('a head that builds on the cursor is never taken for a fork, nor a sibling of the cursor for known', () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat(), (blocks, headAt, cursorAt) => {
        const head = pick(blocks, headAt);
        const cursor = pick(blocks, cursorAt);
        const step = judgeHead(head, cursor, lineage(blocks, cursor), 0);
        const isDescendant =
          head.hash !== cursor.hash && lineage(blocks, head).some(({ hash }) => hash === cursor.hash);
        const isSibling = head.number === cursor.number && head.hash !== cursor.hash;
        const allowed = isDescendant ? ['extends', 'ahead'] : isSibling ? ['fork'] : ['known', 'ahead', 'fork'];
        expect(allowed).toContain(step);
      }),
      { numRuns: 500 },
    );
  });

  test('before anything is applied, what lies under the start block is nothing to do, and the rest is ahead', () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat({ max: 30 }), (blocks, headAt, startBlock) => {
        const head = pick(blocks, headAt);
        expect(judgeHead(head, null, [], startBlock)).toBe(head.number < startBlock ? 'known' : 'ahead');
      }),
    );
  });
});

describe('finding the common ancestor', () => {
  const scenario = fc.record({
    blocks: tree,
    appliedAt: fc.nat(),
    chainAt: fc.nat(),
    kept: fc.nat({ max: 30 }),
    finalized: fc.option(fc.nat({ max: 40 })),
    missingBlocks: fc.constantFrom<MissingBlocks>('behind', 'cut-back', 'reset'),
  });

  test('answers the newest applied block that the chain still has; below finality nothing, unless the node is just behind', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ blocks, appliedAt, chainAt, kept, finalized, missingBlocks }) => {
        const checkpoints: Checkpoint[] = lineage(blocks, pick(blocks, appliedAt)).slice(0, kept + 1);
        const canonical = lineage(blocks, pick(blocks, chainAt));
        const tip = (canonical[0] as BlockHeader).number;
        const asked: number[] = [];
        const ask = async ({ number, hash }: BlockRef) => {
          asked.push(number);
          const answer = canonical.find((block) => block.number === number);
          // A chain that begins above has no block of that number either, but this node is not behind.
          return answer ? answer.hash === hash : number > tip ? null : false;
        };
        const ancestor = await findAncestor(checkpoints, finalized, ask, missingBlocks);
        // Naively: of all blocks on both sides the one with the highest number.
        const common = checkpoints.filter(({ hash }) => canonical.some((block) => block.hash === hash));
        const newest = common.toSorted((a, b) => b.number - a.number)[0];
        const floor = Math.min(...checkpoints.map(({ number }) => number));
        const isFloorFinal = finalized !== null && floor <= finalized;
        const isBehind = { behind: true, 'cut-back': isFloorFinal, reset: false }[missingBlocks];
        const expected = newest
          ? { kind: 'block', block: { number: newest.number, hash: newest.hash } }
          : { kind: tip < floor && isBehind ? 'node-behind' : isFloorFinal ? 'too-deep' : 'beginning' };
        expect(ancestor).toEqual(expected);
        expect(asked).toEqual(asked.toSorted((a, b) => b - a));
      }),
      { numRuns: 500 },
    );
  });

  test('with nothing applied everything begins anew', async () => {
    expect(await findAncestor([], 100, async () => false)).toEqual({ kind: 'beginning' });
  });

  test('a chain that cannot be asked answers nothing', async () => {
    const [block] = [{ number: 1, hash: hashOf(1), parentHash: hashOf(0) }];
    await expect(findAncestor([block], 0, async () => Promise.reject(new Error('no answer')))).rejects.toThrow(
      'no answer',
    );
  });
});

test('the floor is the newest checkpoint that is final, in whatever order they come', () => {
  const numbers = fc.uniqueArray(fc.nat({ max: 50 }));
  fc.assert(
    fc.property(numbers, fc.option(fc.nat({ max: 60 })), (blocks, finalized) => {
      const checkpoints = blocks.map((number) => ({ number, hash: hashOf(number), parentHash: hashOf(0) }));
      const final = finalized === null ? [] : blocks.filter((number) => number <= finalized);
      expect(findFloor(checkpoints, finalized)).toBe(final.length === 0 ? null : Math.max(...final));
    }),
  );
});
