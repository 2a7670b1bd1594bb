import { type IncomingMessage, request } from 'node:http';

const TIMEOUT_MS = 120_000;

/** An answer of the REST API. The body is as it came; the tests look into it where they need to. */
export type ApiAnswer<Body> = { status: number; body: Body };

export type ApiError = {
  error: { code: string; message: string; details?: { path: string; message: string }[] };
};

export type ApiClient = {
  get<Body>(path: string): Promise<ApiAnswer<Body>>;
  post<Body>(path: string, body?: unknown): Promise<ApiAnswer<Body>>;
  /** All items of a list, page by page. */
  list<Item>(path: string): Promise<Item[]>;
};

type Page<Item> = { items: Item[]; next_cursor: string | null };

/**
 * Talks to `/api/v1` of one server. Every request has a connection of its own: a pooled one would carry the death of a killed server into the next one's
 * first answer.
 */
export function createApiClient(url: string, token: () => string | null): ApiClient {
  const call = async <Body>(method: string, path: string, body?: unknown): Promise<ApiAnswer<Body>> => {
    const response = await openRequest({ url: `${url}/api/v1${path}`, method, token: token(), body });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    return { status: response.statusCode ?? 0, body: (text === '' ? null : JSON.parse(text)) as Body };
  };
  const get = <Body>(path: string) => call<Body>('GET', path);
  return {
    get,
    post: (path, body) => call('POST', path, body),
    list: async <Item>(path: string) => {
      const items: Item[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const { status, body }: ApiAnswer<Page<Item>> = await get(`${path}${more}`);
        if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
        items.push(...body.items);
        cursor = body.next_cursor;
      }
      return items;
    },
  };
}

type RequestOptions = {
  url: string;
  method?: string;
  token?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
};

/** One request on a new connection; resolves with its head. */
export function openRequest(options: RequestOptions): Promise<IncomingMessage> {
  const { url, method = 'GET', token, body, headers = {}, signal } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method,
        agent: false,
        ...(signal ? { signal } : { timeout: TIMEOUT_MS }),
        headers: {
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
      },
      resolve,
    );
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer of ${url} within ${TIMEOUT_MS} ms`)));
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
