import type { BlockHeader, BlockRef, Checkpoint } from './types.ts';

/**
 * What a head means for a vault whose blocks up to the cursor are applied. `known`: nothing to do · `extends`: the very next block · `ahead`: blocks lie
 * between · `fork`: it does not build on the cursor.
 */
export type HeadStep = 'known' | 'extends' | 'ahead' | 'fork';

/** Judges a head by number and parent hash alone. Heads may come late, twice or out of order; none of that is a reorganisation by itself. */
export function judgeHead(
  head: BlockHeader,
  cursor: BlockRef | null,
  checkpoints: readonly Checkpoint[],
  startBlock: number,
): HeadStep {
  if (!cursor) return head.number < startBlock ? 'known' : 'ahead';
  if (head.number === cursor.number + 1) return head.parentHash === cursor.hash ? 'extends' : 'fork';
  if (head.number > cursor.number + 1) return 'ahead';
  if (head.hash === cursor.hash) return 'known';
  return checkpoints.some((block) => block.number === head.number && block.hash === head.hash) ? 'known' : 'fork';
}

/** Where to continue after a fork: an applied block that is still canonical, the beginning, or nowhere. */
export type Ancestor =
  | { kind: 'block'; block: BlockRef }
  | { kind: 'beginning' }
  | { kind: 'too-deep' }
  /** The node does not even reach the floor: it is behind, which is no reorganisation. */
  | { kind: 'node-behind' };

/** How a chain that has no block of an applied one's number is judged: a node that is behind, one that was cut back above finality, or one that was reset. */
export type MissingBlocks = 'behind' | 'cut-back' | 'reset';

/**
 * Finds the common ancestor: the newest applied block that the chain still has. `isCanonical` asks the chain, newest block first; null where the node has
 * no block of that number, which `missingBlocks` judges.
 *
 * The oldest checkpoint is the floor: where it is final and another block stands in its place, the chain broke its promise and nothing here may be trusted to
 * a rollback. Where there is no block at all, only a chain that may be reset did so; of any other the node is behind. Where even the oldest one is not
 * final, everything applied so far is younger than finality and is applied again from the start.
 */
export async function findAncestor(
  checkpoints: readonly Checkpoint[],
  finalizedBlock: number | null,
  isCanonical: (block: BlockRef) => Promise<boolean | null>,
  missingBlocks: MissingBlocks = 'behind',
): Promise<Ancestor> {
  let answer: boolean | null = false;
  for (const { number, hash } of checkpoints) {
    answer = await isCanonical({ number, hash });
    if (answer) return { kind: 'block', block: { number, hash } };
  }
  const floor = checkpoints.at(-1);
  const isFloorFinal = floor !== undefined && finalizedBlock !== null && floor.number <= finalizedBlock;
  const isBehind = missingBlocks === 'behind' || (missingBlocks === 'cut-back' && isFloorFinal);
  if (answer === null && isBehind) return { kind: 'node-behind' };
  return isFloorFinal ? { kind: 'too-deep' } : { kind: 'beginning' };
}

/** The newest checkpoint that is final; everything below it can be forgotten. Null while none is final. */
export function findFloor(checkpoints: readonly Checkpoint[], finalizedBlock: number | null): number | null {
  if (finalizedBlock === null) return null;
  const final = checkpoints.filter(({ number }) => number <= finalizedBlock).map(({ number }) => number);
  return final.length > 0 ? Math.max(...final) : null;
}
