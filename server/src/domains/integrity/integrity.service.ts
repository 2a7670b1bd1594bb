import {
  DIFFERENCES_MAX,
  type IntegrityCheckAllOut,
  type IntegrityCheckAllQuery,
  type IntegrityCheckOut,
} from '@finverse/shared';
import { type Database, readSnapshot } from '../../db/index.ts';
import { type Clock, toInstant } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { Turns } from '../../kernel/turns.ts';
import { checkLedger } from '../ledger/index.ts';
import { findUserById, listUserIds } from '../users/index.ts';
import type { IntegrityApi } from './integrity.port.ts';

/** Checks of one person that wait for the one that runs. */
const CHECKS_WAITING_MAX = 4;

/** Compares every kept figure of a ledger with its entries. It never repairs: what differs is for a person to explain. */
export class IntegrityService implements IntegrityApi {
  readonly #database: Database;
  readonly #clock: Clock;
  /** A check holds a connection for as long as it reads, seconds for a large ledger: there are few of them for everybody. */
  readonly #turns = new Turns({ waitingMax: CHECKS_WAITING_MAX });

  constructor({ database, clock }: { database: Database; clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Names up to `differencesMax` differences, all of them with Infinity. @throws AppError RATE_LIMITED where too many of the person wait */
  async check(userId: string, differencesMax: number = DIFFERENCES_MAX): Promise<IntegrityCheckOut> {
    return this.#turns.run(userId, () => this.#read(userId, differencesMax));
  }

  async checkAll(query: IntegrityCheckAllQuery, differencesMax?: number): Promise<IntegrityCheckAllOut> {
    const em = this.#database.em();
    if (query.userId !== undefined) {
      if (!(await findUserById(em, query.userId))) throw new AppError('NOT_FOUND', 'There is no such person.');
      return { items: [await this.#checkOf(query.userId, differencesMax)], nextCursor: null };
    }
    const [afterId = ''] = decodeCursor('integrity', query.cursor, ['string']);
    const ids = await listUserIds(em, { afterId, limit: query.limit + 1 });
    const page = ids.slice(0, query.limit);
    const items: IntegrityCheckAllOut['items'] = [];
    for (const userId of page) items.push(await this.#checkOf(userId, differencesMax));
    return { items, nextCursor: ids.length > query.limit ? encodeCursor('integrity', [page.at(-1) ?? '']) : null };
  }

  /** In the operators' own turn: nobody keeps them from looking by looking all the time. */
  #checkOf(userId: string, differencesMax = DIFFERENCES_MAX): Promise<IntegrityCheckAllOut['items'][number]> {
    return this.#turns.run('operators', async () => ({ userId, ...(await this.#read(userId, differencesMax)) }));
  }

  async #read(userId: string, differencesMax: number): Promise<IntegrityCheckOut> {
    const checkedAt = toInstant(this.#clock.now());
    const found = await readSnapshot(this.#database, (em) =>
      checkLedger(em, this.#database.dialect, { userId, differencesMax }),
    );
    return { checkedAt, isSound: found.differences.length === 0, ...found };
  }
}
