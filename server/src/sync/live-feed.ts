import { setTimeout as delay } from 'node:timers/promises';
import type { SyncLiveEvent } from '@finverse/shared';
import type { Database } from '../db/index.ts';
import type { Logger } from '../kernel/logger.ts';
import { type OutboxEvent, readOutboxAfter, readOutboxBounds } from './outbox.ts';

/** Events kept in memory for subscribers that keep up; the others read the table. */
const RECENT_EVENTS_MAX = 2000;
const EVENTS_PER_READ = 500;

/** Events for others after which a subscriber is told its place. */
const CHECKPOINT_EVERY = 100;

/** How soon events of another process are seen. */
const POLL_INTERVAL_MS = 500;

type Subscription = {
  lastEventId?: string | undefined;
  ownerAddress?: string | undefined;
  signal?: AbortSignal | undefined;
};

/**
 * The live feed over the outbox. One reader fetches new events for all subscribers; each subscriber holds only its place in the order, so that a slow one
 * costs no memory, and one that reconnects with its last id, to any replica, misses nothing and sees nothing twice.
 */
export class LiveFeed {
  readonly #database: Database;
  readonly #log: Logger;
  #recent: OutboxEvent[] = [];
  #newest = 0;
  #subscribers = 0;
  #reading: Promise<void> | null = null;
  #isStale = false;
  #news = Promise.withResolvers<void>();
  #closed = new AbortController();
  #isPolling = false;

  constructor(options: { database: Database; log: Logger }) {
    this.#database = options.database;
    this.#log = options.log;
  }

  /** Says that this process has appended events. */
  wake(): void {
    if (this.#subscribers > 0) void this.#read();
  }

  /** Ends every subscription. */
  close(): void {
    this.#closed.abort();
    this.#tellNews();
  }

  /** Events after `lastEventId`, or from now on, until the signal aborts or the feed closes. */
  async *subscribe({
    lastEventId,
    ownerAddress,
    signal,
  }: Subscription): AsyncGenerator<{ id: string; event: SyncLiveEvent }> {
    const ended = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
    // An abort wakes every subscriber: cheaper than a promise of its own for each wait, which a long-lived race would never let go of.
    const wakeAll = () => this.#tellNews();
    ended.addEventListener('abort', wakeAll, { once: true });
    this.#subscribers += 1;
    void this.#poll();
    try {
      const em = this.#database.em();
      const bounds = await readOutboxBounds(em);
      if (this.#newest === 0) this.#newest = bounds.newest;
      let place = lastEventId === undefined ? bounds.newest : Number(lastEventId);
      if (place > bounds.newest || place < bounds.oldest - 1) {
        place = bounds.newest;
        yield { id: String(place), event: { type: 'resync' } };
      } else if (lastEventId === undefined) {
        // So that a subscriber has an id to come back with before anything has happened.
        yield { id: String(place), event: { type: 'checkpoint' } };
      }
      let told = place;
      while (!ended.aborted) {
        const news = this.#news.promise;
        const events = await this.#eventsAfter(place);
        for (const { seq, ownerAddress: owner, event } of events) {
          place = seq;
          // An event without an owner concerns everyone.
          if (ownerAddress === undefined || owner === null || owner === ownerAddress) {
            told = seq;
            yield { id: String(seq), event };
          }
          if (ended.aborted) return;
        }
        // One whose events are all others' must not come back with an id that has grown too old.
        if (place - told >= CHECKPOINT_EVERY) {
          told = place;
          yield { id: String(place), event: { type: 'checkpoint' } };
        }
        if (events.length === 0) await news;
      }
    } finally {
      ended.removeEventListener('abort', wakeAll);
      this.#subscribers -= 1;
    }
  }

  async #eventsAfter(place: number): Promise<OutboxEvent[]> {
    if (place >= this.#newest) return [];
    const oldest = this.#recent[0];
    if (oldest && oldest.seq <= place + 1) return this.#recent.slice(this.#recent.findIndex(({ seq }) => seq > place));
    return readOutboxAfter(this.#database.em(), place, EVENTS_PER_READ);
  }

  /** Fetches what is new. A call during a fetch makes it look once more, so that no wake-up is lost. */
  async #read(): Promise<void> {
    this.#isStale = true;
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  async #readAll(): Promise<void> {
    try {
      while (this.#isStale && !this.#closed.signal.aborted) {
        this.#isStale = false;
        const events = await readOutboxAfter(this.#database.em(), this.#newest, EVENTS_PER_READ);
        const last = events.at(-1);
        if (!last) continue;
        this.#recent = [...this.#recent, ...events].slice(-RECENT_EVENTS_MAX);
        this.#newest = last.seq;
        this.#isStale ||= events.length === EVENTS_PER_READ;
        this.#tellNews();
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'the outbox could not be read; subscribers wait');
    }
  }

  #tellNews(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }

  /** Runs while somebody listens. */
  async #poll(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    while (this.#subscribers > 0 && !this.#closed.signal.aborted) {
      await delay(POLL_INTERVAL_MS, undefined, { signal: this.#closed.signal }).catch(() => undefined);
      if (this.#subscribers > 0) await this.#read();
    }
    this.#recent = [];
    this.#newest = 0;
    this.#isPolling = false;
  }
}
