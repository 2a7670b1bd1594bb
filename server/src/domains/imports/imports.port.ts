import type {
  ImportCommit,
  ImportCreate,
  ImportFileOut,
  ImportOut,
  ImportPreviewOut,
  ImportPreviewQuery,
  ImportsOut,
  ImportsQuery,
  ImportUpdate,
} from '@finverse/shared';
import type { UnitOfWork } from '../../db/index.ts';

/** What the imports router, and the upload beside it, need. Every method is of one person; a foreign id is one that does not exist. */
export interface ImportsApi {
  /**
   * Keeps a file for a day. `commitOf` makes the transaction of the call once all of the file is here, of whose bytes it gets the SHA-256 (hex); a copy of a file
   * that was kept by an earlier call of the same key is dropped.
   *
   * @throws AppError PAYLOAD_TOO_LARGE, CONFLICT where the person has too many files waiting; RATE_LIMITED where too many come in; IDEMPOTENCY_KEY_REUSED
   */
  upload(
    commitOf: (sha256: string) => UnitOfWork,
    userId: string,
    source: AsyncIterable<Uint8Array>,
  ): Promise<ImportFileOut>;
  /** @throws AppError VALIDATION_FAILED, NOT_FOUND, CONFLICT, IMPORT_FILE_GONE */
  create(commit: UnitOfWork, userId: string, input: ImportCreate): Promise<ImportOut>;
  /** @throws AppError NOT_FOUND, IMPORT_NOT_READY, IMPORT_FILE_GONE, VALIDATION_FAILED */
  update(commit: UnitOfWork, userId: string, input: ImportUpdate): Promise<ImportOut>;
  /** Writes nothing; one at a time for a person. @throws AppError RATE_LIMITED, NOT_FOUND, IMPORT_NOT_READY, IMPORT_FILE_GONE, IMPORT_FAULTY, VALIDATION_FAILED */
  preview(userId: string, query: ImportPreviewQuery): Promise<ImportPreviewOut>;
  /** Begins it and answers at once. @throws AppError NOT_FOUND, IMPORT_NOT_READY, IMPORT_FILE_GONE, VALIDATION_FAILED, ACCOUNT_ARCHIVED, RATE_LIMITED */
  commit(commit: UnitOfWork, userId: string, input: ImportCommit): Promise<ImportOut>;
  /** @throws AppError NOT_FOUND, IMPORT_NOT_READY */
  cancel(commit: UnitOfWork, userId: string, id: string): Promise<ImportOut>;
  /**
   * Begins to take back all that a completed import has made, whatever became of it since, and answers at once.
   *
   * @throws AppError NOT_FOUND, IMPORT_NOT_READY, ENTRY_RECONCILED, ACCOUNT_ARCHIVED, RATE_LIMITED
   */
  undo(commit: UnitOfWork, userId: string, id: string): Promise<ImportOut>;
  /** @throws AppError NOT_FOUND */
  status(userId: string, id: string): Promise<ImportOut>;
  list(userId: string, query: ImportsQuery): Promise<ImportsOut>;
  /** The import at once and whenever it has changed, until it has ended. @throws AppError NOT_FOUND */
  progress(
    userId: string,
    query: { id: string; lastEventId?: string | undefined; signal: AbortSignal },
  ): AsyncIterable<{ id: string; import: ImportOut }>;
}
