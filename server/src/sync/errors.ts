/** The chain could not be read: no answer, an error, a time-out. Nothing was learnt, so nothing may change. Retryable. */
export class ChainReadError extends Error {
  override name = 'ChainReadError';
}

/** A node refused a range of blocks as too much. `blocksMax` is what its message suggests, where it names a figure. */
export class RangeTooWideError extends Error {
  override name = 'RangeTooWideError';
  readonly blocksMax: number | null;

  constructor(message: string, blocksMax: number | null) {
    super(message);
    this.blocksMax = blocksMax;
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
