import { type Database, isConnectionLost } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { newId } from '../../kernel/ids.ts';
import type { ImportFiles } from './import-files.ts';
import { type FileRecord, sumFiles } from './import-files.repository.ts';
import { UploadRoom } from './upload-room.ts';

/** Takes files in, each where its owner has room for it. */
export class Uploads {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #files: ImportFiles;
  readonly #room = new UploadRoom();

  constructor({ database, clock, files }: { database: Database; clock: Clock; files: ImportFiles }) {
    this.#database = database;
    this.#clock = clock;
    this.#files = files;
  }

  /**
   * Writes a file, and its row by `insert` while its room is still held. Where that fails, or answers with a file that was kept before, nothing of it stays; where
   * nobody knows, the file does, until it is swept for want of a row.
   *
   * @throws AppError PAYLOAD_TOO_LARGE, CONFLICT, RATE_LIMITED; see {@link UploadRoom.hold} and {@link ImportFiles.write}
   */
  keep<Kept extends { id: string }>(
    userId: string,
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    insert: (file: FileRecord) => Promise<Kept>,
  ): Promise<Kept> {
    const kept = () => sumFiles(this.#database.em(), userId);
    return this.#room.hold(userId, kept, async (bytesMax) => {
      const id = newId('upl');
      const pieces = (async function* () {
        yield* source;
      })();
      const file = { id, userId, ...(await this.#files.write(id, pieces, bytesMax)), createdAt: this.#clock.now() };
      const answer = await insert(file).catch(async (error: unknown) => {
        // Where the answer of the database was lost, the row may be there.
        if (!isConnectionLost(error)) await this.#files.remove(id);
        throw error;
      });
      if (answer.id !== id) await this.#files.remove(id);
      return answer;
    });
  }
}
