import { errorOfAnswer, hasContentType, statusOf } from './answers.ts';
import type { RequestHeaders } from './headers.ts';
import { SseParser, type StreamEvent } from './sse-parser.ts';

/** How long a server may take to begin its answer. A stream that falls silent later is noticed by tRPC, which counts the server's pings. */
const CONNECT_TIMEOUT_MS = 30_000;
const RETRY_DELAY_MS_MIN = 500;
const RETRY_DELAY_MS_MAX = 10_000;

/** What the server says before it knows whether the stream will work, and what it says when it does not. Neither proves a connection good. */
const PRELUDE = new Set(['connected', 'serialized-error']);

/** For `error` listeners the event is the error itself, which tRPC passes on as it is. */
type Listener = (event: StreamEvent | Error) => void;

/** What {@link FetchEventSource} needs beside the URL. `fetch` must stream bodies. */
export type EventSourceInit = { fetch: typeof globalThis.fetch; headers: RequestHeaders };

/**
 * An EventSource over fetch: Node has none, and a browser's cannot send the Authorization header. Connects again for ever, after a growing, jittered pause
 * and with the last event id, when the connection fails or ends, or the server is in trouble; any other answer that is no event stream closes it.
 */
export class FetchEventSource {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSED = 2;
  readyState = 0;

  readonly #url: string;
  readonly #init: EventSourceInit;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #closed = new AbortController();
  #lastEventId = '';
  #failures = 0;

  constructor(url: string, init: EventSourceInit) {
    this.#url = url;
    this.#init = init;
    void this.#run();
  }

  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener);
  }

  close(): void {
    this.readyState = this.CLOSED;
    this.#closed.abort();
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      const failure = await this.#connect().catch((error: unknown) => asError(error));
      if (this.#closed.signal.aborted) return;
      this.readyState = isLasting(failure) ? this.CLOSED : this.CONNECTING;
      this.#dispatch('error', failure);
      if (this.readyState === this.CLOSED) return;
      await pause(retryDelayMs(this.#failures), this.#closed.signal);
      this.#failures += 1;
    }
  }

  /** Reads one connection to its end. Answers or throws why it is over. */
  async #connect(): Promise<Error> {
    const connection = new AbortController();
    const end = () => connection.abort();
    this.#closed.signal.addEventListener('abort', end, { once: true });
    try {
      const body = await this.#open(connection);
      this.readyState = this.OPEN;
      await this.#read(body.getReader());
      return new Error('the stream ended');
    } finally {
      this.#closed.signal.removeEventListener('abort', end);
      end();
    }
  }

  async #open(connection: AbortController): Promise<ReadableStream<Uint8Array>> {
    const timer = setTimeout(() => connection.abort(new Error('the server does not answer')), CONNECT_TIMEOUT_MS);
    try {
      const headers = {
        ...(await this.#init.headers()),
        accept: 'text/event-stream',
        ...(this.#lastEventId === '' ? {} : { 'last-event-id': this.#lastEventId }),
      };
      const response = await this.#init.fetch(this.#url, { headers, signal: connection.signal, cache: 'no-store' });
      const isStream = response.status === 200 && hasContentType(response, 'text/event-stream');
      if (!isStream || !response.body) throw await errorOfAnswer(response);
      return response.body;
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    const parser = new SseParser(this.#lastEventId);
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      for (const event of parser.push(decoder.decode(piece.value, { stream: true }))) {
        if (!PRELUDE.has(event.type)) this.#failures = 0;
        this.#dispatch(event.type, event);
        if (this.#closed.signal.aborted) return;
      }
      this.#lastEventId = parser.lastEventId;
    }
  }

  #dispatch(type: string, event: StreamEvent | Error): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}

/** Trying again would get the same answer. */
function isLasting(failure: Error): boolean {
  const status = statusOf(failure);
  return status !== undefined && status < 500 && status !== 408 && status !== 429;
}

/** Between half and the whole of a pause that doubles with each failure, so that the clients of a restarted server do not come all at once. */
function retryDelayMs(failures: number): number {
  const longest = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN * 2 ** failures);
  return longest * (0.5 + Math.random() / 2);
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal.addEventListener('abort', done, { once: true });
  });
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
