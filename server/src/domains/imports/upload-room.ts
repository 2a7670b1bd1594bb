import { IMPORT_FILE_BYTES_MAX } from '@finverse/shared';
import { AppError } from '../../kernel/errors.ts';

/** Files of one person that wait, and their bytes. */
const FILES_MAX = 20;
const FILES_BYTES_MAX = 1024 ** 3;
/** Files that come in at the same time: of one person, and in the process. */
const COMING_PER_PERSON_MAX = 2;
const COMING_MAX = 32;

type Coming = { userId: string; bytesMax: number };

/** The room that a person has for files: those that wait, and those that are coming, whose room is held until they are there. */
export class UploadRoom {
  readonly #coming = new Set<Coming>();

  /**
   * Holds room for a file while `work` takes it in, of at most the bytes that it is told.
   *
   * @throws AppError CONFLICT where there is none; RATE_LIMITED where too many files are coming already
   */
  async hold<Result>(
    userId: string,
    kept: () => Promise<{ count: number; bytes: number }>,
    work: (bytesMax: number) => Promise<Result>,
  ): Promise<Result> {
    const own = [...this.#coming].filter((each) => each.userId === userId);
    if (own.length >= COMING_PER_PERSON_MAX || this.#coming.size >= COMING_MAX)
      throw new AppError('RATE_LIMITED', `At most ${COMING_PER_PERSON_MAX} files of a person come in at a time.`, {
        retryAfterSeconds: 5,
      });
    // Its place is taken before anything is waited for.
    const coming: Coming = { userId, bytesMax: IMPORT_FILE_BYTES_MAX };
    this.#coming.add(coming);
    try {
      const { count, bytes } = await kept();
      const held = own.filter((each) => this.#coming.has(each));
      const left = FILES_BYTES_MAX - bytes - held.reduce((sum, each) => sum + each.bytesMax, 0);
      if (count + held.length >= FILES_MAX || left <= 0) throw noRoom();
      coming.bytesMax = Math.min(left, IMPORT_FILE_BYTES_MAX);
      return await work(coming.bytesMax);
    } finally {
      this.#coming.delete(coming);
    }
  }
}

/** What there is no room for. */
export function noRoom(): AppError {
  return new AppError(
    'CONFLICT',
    `At most ${FILES_MAX} files of a person wait, of 1 GB in all: commit or cancel imports first.`,
  );
}
