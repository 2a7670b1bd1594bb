import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import { describeError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { backoffMs } from '../kernel/retry.ts';
import { ForeignChainError } from './chain/chain-identity.ts';
import type { holdHeadSocket } from './chain/head-socket.ts';
import type { ChainReader } from './chain/reader.ts';
import type { OnFault } from './fault-kinds.ts';
import type { BlockHeader, Hex } from './types.ts';

export type WatcherState = 'stopped' | 'connecting' | 'live' | 'polling' | 'down';
export type WatcherStatus = {
  transport: 'websocket' | 'polling';
  state: WatcherState;
  lastHeadAtMs: number | null;
  readFault: string | null;
};

type WatcherOptions = {
  reader: Pick<ChainReader, 'header'>;
  holdSocket: (socket: Omit<Parameters<typeof holdHeadSocket>[0], 'identity'>) => Promise<never>;
  /** WebSocket endpoints, tried in turn; none means polling. */
  wsUrls: readonly string[];
  onHead: (header: BlockHeader) => void;
  clock: Clock;
  log: Logger;
  /** Told of each failed read of the head, and of each end of a socket that nobody asked for. */
  onFault?: OnFault;
  /** How often the head is asked for over HTTP: the watchdog of a socket, the source of heads without one. */
  pollIntervalMs: number;
};

const HEARD_HASHES_MAX = 128;

const RECONNECT = { delayMinMs: 250, delayMaxMs: 10_000 };

/**
 * Hears of new heads: over a WebSocket where there is one, else by polling. A watchdog asks for the head over HTTP all the while. A socket can stop
 * delivering without closing; when the HTTP head was not heard of by the next look, its head is handed on at once and the socket is made anew. The first head that is asked for after a
 * subscription is not owed by it.
 */
export class EventWatcher {
  readonly #options: WatcherOptions;
  #abort: AbortController | null = null;
  #running: Promise<unknown> = Promise.resolve();
  #state: WatcherState = 'stopped';
  #lastHeadAtMs: number | null = null;
  /** Hashes of the heads heard of last. */
  readonly #heard = new Set<Hex>();
  #readFault: string | null = null;
  /** Ends the socket that is held. */
  #socketFault: AbortController | null = null;
  /** The socket whose subscription was answered; null while none is. */
  #subscribed: AbortController | null = null;
  /** The subscribed socket since whose subscription the head was asked for: every head that is new after that one it must announce. */
  #accountable: AbortController | null = null;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  status(): WatcherStatus {
    return {
      transport: this.#hasSocket ? 'websocket' : 'polling',
      state: this.#state,
      lastHeadAtMs: this.#lastHeadAtMs,
      readFault: this.#readFault,
    };
  }

  start(): void {
    if (this.#abort) return;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#state = 'connecting';
    this.#running = Promise.all([this.#watchdog(signal), ...(this.#hasSocket ? [this.#keepSocket(signal)] : [])]);
  }

  /** Ends the socket and the polling, and waits until both have. */
  async stop(): Promise<void> {
    this.#abort?.abort();
    await this.#running;
    this.#abort = null;
    this.#state = 'stopped';
  }

  get #hasSocket(): boolean {
    return this.#options.wsUrls.length > 0;
  }

  #hear(header: BlockHeader): void {
    this.#heard.add(header.hash);
    // A set keeps the order of insertion: the first is the oldest.
    for (const hash of this.#heard) {
      if (this.#heard.size <= HEARD_HASHES_MAX) break;
      this.#heard.delete(hash);
    }
    this.#lastHeadAtMs = this.#options.clock.now();
    this.#options.onHead(header);
  }

  async #watchdog(signal: AbortSignal): Promise<void> {
    let suspect: BlockHeader | null = null;
    while (!signal.aborted) {
      const subscribed = this.#subscribed;
      const head = await this.#pollHead();
      if (signal.aborted) return;
      if (head) suspect = this.#judgePolled(head, suspect, subscribed);
      await delay(this.#options.pollIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #pollHead(): Promise<BlockHeader | null> {
    try {
      const head = await this.#options.reader.header('latest');
      this.#readFault = null;
      return head;
    } catch (error) {
      this.#readFault = describeError(error);
      this.#options.onFault?.('head_unreadable');
      if (!this.#hasSocket) this.#state = 'down';
      this.#options.log.debug({ reason: this.#readFault }, 'the head could not be read');
      return null;
    }
  }

  /** Answers the head that the socket owes by the next look; null where it owes none. `subscribed` is the socket that was so when the head was asked for. */
  #judgePolled(head: BlockHeader, suspect: BlockHeader | null, subscribed: AbortController | null): BlockHeader | null {
    const isNews = !this.#heard.has(head.hash);
    if (this.#state !== 'live') {
      if (!this.#hasSocket) this.#state = 'polling';
      if (isNews) this.#hear(head);
      return null;
    }
    if (this.#accountable !== this.#subscribed) {
      // It may be older than the subscription, which tells only of what comes after it.
      if (isNews) this.#hear(head);
      this.#accountable = subscribed;
      return null;
    }
    if (suspect && !this.#heard.has(suspect.hash)) {
      this.#options.onFault?.('socket_silent');
      this.#options.log.warn({ head: head.number }, 'the socket is silent, connecting anew');
      this.#socketFault?.abort(new Error('silent'));
      this.#hear(head);
      return null;
    }
    return isNews ? head : null;
  }

  async #keepSocket(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const url = this.#options.wsUrls[attempt % this.#options.wsUrls.length] as string;
      const openedAt = this.#options.clock.monotonic();
      const fault = new AbortController();
      this.#socketFault = fault;
      try {
        await this.#options.holdSocket({
          url,
          onSubscribed: () => {
            this.#state = 'live';
            this.#subscribed = fault;
          },
          onHead: (header) => this.#hear(header),
          signal: AbortSignal.any([fault.signal, signal]),
        });
      } catch (error) {
        if (!signal.aborted) this.#options.onFault?.('socket_ended');
        const level = error instanceof ForeignChainError ? 'warn' : 'debug';
        this.#options.log[level]({ reason: describeError(error) }, 'the socket ended');
      }
      this.#subscribed = null;
      if (signal.aborted) return;
      this.#state = 'down';
      // A connection that held for a while starts the waiting over.
      if (this.#options.clock.monotonic() - openedAt > RECONNECT.delayMaxMs) attempt = 0;
      await delay(backoffMs(attempt, RECONNECT), undefined, { signal }).catch(() => undefined);
    }
  }
}
