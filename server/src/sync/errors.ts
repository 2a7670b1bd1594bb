/** The chain could not be read: no answer, an error, a time-out. Nothing was learnt, so nothing may change. Retryable. */
export class ChainReadError extends Error {
  override name = 'ChainReadError';
}

/** The node does not have blocks that are applied, and no others in their place. It goes on once the node has caught up. */
export class NodeBehindError extends ChainReadError {
  override name = 'NodeBehindError';
}

/**
 * A node refused a range of blocks as too much. `blocks` is what its message suggests, where it names a figure; `isLimit` says that this is the most of any
 * range, and not just of the one that was asked for.
 */
export class RangeTooWideError extends Error {
  override name = 'RangeTooWideError';
  readonly blocks: number | null;
  readonly isLimit: boolean;

  constructor(message: string, { blocks, isLimit }: { blocks: number | null; isLimit: boolean }) {
    super(message);
    this.blocks = blocks;
    this.isLimit = isLimit;
  }
}

/** The contract's total and the positions' sum differ, and nothing that can be read explains it. */
export class UnexplainedTotalError extends Error {
  override name = 'UnexplainedTotalError';
}

/** The cursor or the lease is not what this writer believed; the transaction wrote nothing. */
export class StaleWriterError extends Error {
  override name = 'StaleWriterError';
}

/** A reorganisation deeper than finality. The vault stops until an operator decides. */
export class DeepReorgError extends Error {
  override name = 'DeepReorgError';
}
