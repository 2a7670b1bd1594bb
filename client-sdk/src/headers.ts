import { InvalidOption } from './options.ts';

/** Headers to send with every request: a record, or a function that is asked before each request. */
export type HeaderSource = Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);

/** Asked for before each request, so that a new token counts from the next one on. */
export type RequestHeaders = () => Promise<Record<string, string>>;

/** What a header carries of a token; a line break in it would make fetch quote the whole token in its error. */
const TOKEN = /^[\x21-\x7e]*$/;

/**
 * The caller's own headers and, where there is a token, the one that carries it. Tokens travel in this header alone, never in a URL, and stand in no error.
 *
 * @throws InvalidOption for what cannot be sent, and where a function of the caller's throws, with that as its cause
 */
export function requestHeaders(source: HeaderSource | undefined, token: () => Promise<string | null>): RequestHeaders {
  return async () => {
    const own = await ask('headers', async () => (typeof source === 'function' ? source() : source));
    for (const [name, value] of Object.entries(own ?? {})) {
      if (!isHeader(name, value)) throw new InvalidOption(`The header ${JSON.stringify(name)} cannot be sent.`);
    }
    const bearer: unknown = await ask('token', token);
    if (bearer === null) return { ...own };
    // fetch drops what is around a header's value, such as the last line break of a file.
    if (typeof bearer !== 'string' || !TOKEN.test(bearer.trim()))
      throw new InvalidOption('The token must be printable ASCII characters without spaces or line breaks.');
    return { ...own, authorization: `Bearer ${bearer.trim()}` };
  };
}

async function ask<Answer>(option: string, source: () => Promise<Answer>): Promise<Answer> {
  try {
    return await source();
  } catch (cause) {
    throw new InvalidOption(`The function for ${option} failed.`, { cause });
  }
}

function isHeader(name: string, value: string): boolean {
  try {
    return new Headers([[name, value]]).has(name);
  } catch {
    return false;
  }
}
