import type { ExportFilter, ExportFormat, ExportPiece } from '@finverse/shared';

/** What the exports router, and the download beside it, need. */
export interface ExportsApi {
  /**
   * Refuses what {@link pieces} would refuse before its first piece.
   *
   * @throws AppError VALIDATION_FAILED where the account is none of the person's, and for the id of a piece of another export
   */
  check(
    userId: string,
    query: ExportFilter & { format: ExportFormat; lastEventId?: string | undefined },
  ): Promise<void>;

  /**
   * A person's ledger as a file, piece by piece, in flat memory. Each piece has the id by which the next ones are asked for.
   *
   * @throws AppError VALIDATION_FAILED as {@link check}; CONFLICT at its end where the ledger has changed meanwhile: the pieces are of
   * different states then
   */
  pieces(
    userId: string,
    query: ExportFilter & { format: ExportFormat; lastEventId?: string | undefined; signal: AbortSignal },
  ): AsyncIterable<{ id: string; piece: ExportPiece }>;
}
