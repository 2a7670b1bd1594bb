/** Headers to send with every request: a record, or a function that is asked before each request. */
export type HeaderSource = Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);

/** Asked for before each request, so that a new token counts from the next one on. */
export type RequestHeaders = () => Promise<Record<string, string>>;

/** The caller's own headers and, where there is a token, the one that carries it. Tokens travel in this header alone, never in a URL. */
export function requestHeaders(source: HeaderSource | undefined, token: () => Promise<string | null>): RequestHeaders {
  return async () => {
    const own = typeof source === 'function' ? await source() : source;
    const bearer = await token();
    return { ...own, ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }) };
  };
}
