import {
  createTRPCClient,
  httpBatchLink,
  httpLink,
  httpSubscriptionLink,
  splitLink,
  type Operation,
  type TRPCClient,
} from '@trpc/client';
import superjson from 'superjson';
import { fetchJson } from './answers.ts';
import { keepConnection } from './connection.ts';
import { finverseErrors } from './errors.ts';
import { FetchEventSource } from './event-source.ts';
import { type HeaderSource, requestHeaders } from './headers.ts';
import { idempotencyHeaders, idempotencyKeys } from './idempotency.ts';
import { createSessionKeeper, type TokenSource } from './session.ts';
import type { AppRouter, Session } from './types.ts';

export type { TokenSource };

/** The server takes no more calls in one batch. */
const BATCH_SIZE_MAX = 20;

/** Many proxies take no request line beyond 8 KB. */
const URL_CHARACTERS_MAX = 7_500;

export type FinverseClientOptions = {
  /** The server's base address, for example `http://localhost:8000`. */
  url: string;
  /**
   * The session or API token, sent as `Authorization: Bearer`. Without one, or with a text, the client takes the token that `auth.login` or an open
   * `auth.register` answers, keeps it in memory, and forgets it at `auth.logout`. A function is asked before each request, and the caller keeps the token.
   */
  token?: TokenSource;
  /** Hears of each session that `auth.login` or `auth.register` begins, and, with null, of its end by `auth.logout`. For keeping the token. */
  onSession?: (session: Session | null) => void;
  /** More headers for each request. */
  headers?: HeaderSource;
  /** Used instead of the global fetch. For subscriptions it must stream response bodies. */
  fetch?: typeof globalThis.fetch;
};

/** A procedure of the server at each path, with `.query()`, `.mutate()` or `.subscribe()`. */
export type FinverseClient = TRPCClient<AppRouter>;

/**
 * Makes a client of a FinVerse server. Opens nothing until the first call. Queries that are made together share one request; mutations and sign-in go
 * alone, each with an idempotency key of its own. Subscriptions reconnect by themselves, after the last event that was read. Every failed call throws a FinverseError.
 *
 * @throws TypeError where `url` is no http(s) address.
 * @example
 * const finverse = createFinverseClient({ url: 'http://localhost:8000' });
 * const { vaults } = await finverse.sync.status.query();
 * for await (const event of finverse.sync.live.subscribe()) console.log(event.id, event.data.type);
 */
export function createFinverseClient(options: FinverseClientOptions): FinverseClient {
  const base = baseUrl(options.url);
  // Looked up for each call, and called without its owner: browsers insist on that.
  const fetch: typeof globalThis.fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
  const session = createSessionKeeper({ token: options.token, onSession: options.onSession });
  const headers = requestHeaders(options.headers, session.token);
  const endpoint = { url: `${base}/trpc`, transformer: superjson };
  const http = { ...endpoint, headers, fetch: fetchJson(fetch) };

  const client = createTRPCClient<AppRouter>({
    links: [
      finverseErrors(base),
      session.link,
      idempotencyKeys,
      splitLink({
        condition: (operation) => operation.type === 'subscription',
        true: httpSubscriptionLink({
          ...endpoint,
          EventSource: FetchEventSource,
          eventSourceOptions: { fetch, headers },
        }),
        false: splitLink({
          condition: isBatchable,
          true: httpBatchLink({ ...http, maxItems: BATCH_SIZE_MAX, maxURLLength: URL_CHARACTERS_MAX }),
          false: httpLink({ ...http, headers: idempotencyHeaders(headers) }),
        }),
      }),
    ],
  });
  return keepConnection(client, { url: base, headers, fetch });
}

/** The server refuses sign-in in a batch; and a batch of mutations would have to fit its limit for one body. */
function isBatchable({ type, path }: Operation): boolean {
  return type === 'query' && !path.startsWith('auth.');
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`url must be the server's base address, such as http://localhost:8000, and is ${text}`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, '');
}
