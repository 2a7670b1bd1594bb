import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { IMPORT_FILE_BYTES_MAX } from '@finverse/shared';
import { AppError } from '../../kernel/errors.ts';
import { noRoom } from './upload-room.ts';

/** A file younger than this may be one whose row is just being written. */
const YOUNG_MS = 60 * 60 * 1000;

/** The files of imports: in a folder that only this account may read, each under its id. */
export class ImportFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where a file is, or would be. */
  path(id: string): string {
    return join(this.#folder, id);
  }

  /**
   * Writes a stream to a file, in flat memory, up to `bytesMax`. What ends early leaves nothing behind.
   *
   * @throws AppError PAYLOAD_TOO_LARGE over the size that a file may have; CONFLICT over `bytesMax`
   */
  async write(
    id: string,
    source: AsyncIterable<Uint8Array>,
    bytesMax: number,
  ): Promise<{ bytes: number; sha256: string }> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const part = `${this.path(id)}.part`;
    const hash = createHash('sha256');
    let bytes = 0;
    const measured = async function* () {
      for await (const piece of source) {
        bytes += piece.length;
        if (bytes > IMPORT_FILE_BYTES_MAX)
          throw new AppError('PAYLOAD_TOO_LARGE', `The file is larger than ${IMPORT_FILE_BYTES_MAX / 2 ** 20} MB.`);
        if (bytes > bytesMax) throw noRoom();
        hash.update(piece);
        yield piece;
      }
    };
    try {
      // Flushed to the disk, so that a power failure leaves no shorter file under its name.
      await pipeline(Readable.from(measured()), createWriteStream(part, { mode: 0o600, flush: true }));
      await rename(part, this.path(id));
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    return { bytes, sha256: hash.digest('hex') };
  }

  /** @throws AppError IMPORT_FILE_GONE where there is no such file */
  async require(id: string): Promise<void> {
    if ((await stat(this.path(id)).catch(() => null)) === null) throw fileGone();
  }

  async remove(id: string): Promise<void> {
    await rm(this.path(id), { force: true });
  }

  /** Removes what nobody has a row for. */
  async sweep(nowMs: number, isKnown: (ids: string[]) => Promise<ReadonlySet<string>>): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    const known = await isKnown(names);
    for (const name of names) {
      if (known.has(name)) continue;
      const info = await stat(join(this.#folder, name)).catch(() => null);
      if (info && nowMs - info.mtimeMs > YOUNG_MS) await rm(join(this.#folder, name), { force: true });
    }
  }
}

/** What is said of a file that was kept and is not there. */
export function fileGone(): AppError {
  return new AppError('IMPORT_FILE_GONE', 'The file is not here any more: upload it again.');
}
