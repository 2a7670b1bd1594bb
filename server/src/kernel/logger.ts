import { pino, type Logger } from 'pino';

export type { Logger };

const SECRET_FIELDS = ['password', 'token', 'authorization', 'cookie', 'sessionId', 'secret', 'apiKey', 'privateKey'];

/** Fields in which viem keeps a whole request, up to thousands of calls, and in which mysql2 keeps a whole statement with its values. */
const OMITTED_FIELDS = new Set(['body', 'request', 'sql']);

const ERROR_DEPTH_MAX = 6;

/** Ends at a quote or backslash, so that it may be replaced inside of a line of JSON. */
const URL_IN_TEXT = /(?:https?|wss?|mysql|mariadb):\/\/[^\s"\\]+/gi;

/** A part of a URL that is at least so long may be a key; host paths like `v2` and `mainnet` are shorter. */
const KEY_LENGTH_MIN = 16;

/** Structured logs, one JSON object a line, with secrets blanked wherever they stand up to three levels deep, and every URL cut to its host. */
export function createLogger(options: { level: string; destination?: { write(line: string): void } }): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`, `*.*["${field}"]`]);
  return pino(
    {
      level: options.level,
      base: null,
      redact: { paths, censor: '[redacted]' },
      serializers: { err: serializeError },
      // Also the line's own text: without one, pino takes the message of the error.
      hooks: { streamWrite: (line) => redactUrls(line, line) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    options.destination ?? process.stderr,
  );
}

/** Hides the user, password, path and query of a URL, which for RPC providers hold the API key. */
export function redactUrl(url: string): string {
  try {
    const parsed = new URL(url);
    return `${parsed.protocol}//${parsed.host}`;
  } catch {
    return '[malformed url]';
  }
}

/** Cuts every URL in a text to its host, and blanks what may be a key of it or of a URL in `known` where it stands alone. */
export function redactUrls(text: string, known = ''): string {
  // What follows a URL in a sentence is not of it.
  const cut = text.replaceAll(URL_IN_TEXT, (match) => {
    const url = match.replace(/[.,;:!?)]+$/, '');
    return redactUrl(url) + match.slice(url.length);
  });
  return blankKeys(cut, keysIn(known));
}

/** The longer parts of the paths, queries and credentials of all URLs in a text. */
function keysIn(text: string): string[] {
  const parts = (text.match(URL_IN_TEXT) ?? []).flatMap((url) => {
    if (!URL.canParse(url)) return [];
    const { username, password, pathname, search } = new URL(url);
    return [username, password, pathname, search].flatMap((part) => part.split(/[^\w-]+/));
  });
  return [...new Set(parts)].filter(({ length }) => length >= KEY_LENGTH_MIN);
}

function blankKeys(text: string, keys: readonly string[]): string {
  return keys.reduce((safe, key) => safe.replaceAll(key, '[redacted]'), text);
}

/** Errors of viem name the endpoint with its key, and the request, in the message, the stack, the causes and fields of their own. */
function serializeError(error: Error): unknown {
  const serialized: unknown = pino.stdSerializers.err(error);
  const visited = new WeakSet();

  const clean = (value: unknown, depth: number, known: readonly string[]): unknown => {
    if (typeof value === 'string') {
      const text = value.replaceAll(/^Request body: .*$/gm, 'Request body: [omitted]');
      return blankKeys(redactUrls(text), known);
    }
    if (typeof value !== 'object' || value === null) return value;
    if (depth > ERROR_DEPTH_MAX || visited.has(value)) return '[omitted]';
    visited.add(value);
    if (Array.isArray(value)) return value.map((entry) => clean(entry, depth + 1, known));
    if ('toJSON' in value && typeof value.toJSON === 'function') return clean(value.toJSON(), depth + 1, known);
    // The stack repeats the messages of all causes.
    const keys = 'stack' in value ? [...known, ...keysIn(String(value.stack))] : known;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([field]) => !OMITTED_FIELDS.has(field))
        .map(([field, entry]) => [field, clean(entry, depth + 1, keys)]),
    );
  };
  return clean(serialized, 0, []);
}
