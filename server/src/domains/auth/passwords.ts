import { hash, type Options, verify } from '@node-rs/argon2';
import { BoundedQueue } from '../../kernel/bounded-queue.ts';

/**
 * Argon2id with 19 MiB, two passes and one lane: the OWASP Password Storage Cheat Sheet's recommendation (2024). `algorithm` 2 is Argon2id; the package's
 * name for it is a const enum, which type stripping cannot read.
 */
const ARGON2ID = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } satisfies Options;

/** The hash of 32 random bytes that nobody kept, of the same cost as the real ones: checking against it takes as long. */
const DUMMY_HASH = '$argon2id$v=19$m=19456,t=2,p=1$ZREzbhje0H8dedJniO3PnA$pRmnCqEqa6FdlhCtQ75nGT8Zxqd9XqKG0Iktn/sJvrM';

/** Hashes at work at once, and those that may wait. Each takes about 20 ms of a core and 19 MiB. */
const RUNNING_MAX = 2;
const WAITING_MAX = 40;

/** Hashes and checks passwords, few at a time, so that a flood of logins cannot take the machine. */
export class PasswordHasher {
  readonly #queue = new BoundedQueue({
    runningMax: RUNNING_MAX,
    waitingMax: WAITING_MAX,
    busy: { message: 'Too many people are signing in; try again in a moment.', retryAfterSeconds: 2 },
  });

  /** The PHC string to store. @throws AppError RATE_LIMITED when too many wait already. */
  hash(password: string): Promise<string> {
    return this.#queue.run(() => hash(password.normalize('NFKC'), ARGON2ID));
  }

  /**
   * True where the password fits the hash. With null, for a person who does not exist, it does the same work and answers false.
   * @throws AppError RATE_LIMITED when too many wait already.
   */
  verify(passwordHash: string | null, password: string): Promise<boolean> {
    return this.#queue.run(async () => {
      const fits = await verify(passwordHash ?? DUMMY_HASH, password.normalize('NFKC'));
      return fits && passwordHash !== null;
    });
  }
}
