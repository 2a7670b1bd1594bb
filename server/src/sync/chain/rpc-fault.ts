import { HttpRequestError, RpcRequestError } from 'viem';
import { describeError, SettingsError } from '../../kernel/errors.ts';
import { redactUrls } from '../../kernel/logger.ts';
import { ChainReadError } from '../errors.ts';

/** The words of a node reach everyone through /sync/health: enough to tell what is wrong, too little for a page. */
const PUBLIC_WORDS_MAX = 200;

/**
 * Runs a reading of a contract. Whatever fails in it is a failed reading, never an empty one, and told in words that may be shown to anyone.
 *
 * @throws ChainReadError; a SettingsError as it is.
 */
export async function readContract<Answer>(reading: () => Promise<Answer>): Promise<Answer> {
  try {
    return await reading();
  } catch (error) {
    if (error instanceof ChainReadError || error instanceof SettingsError) throw error;
    throw new ChainReadError(`the contract could not be read: ${readFault(error).message}`, { cause: error });
  }
}

/**
 * What a failed request says. `wording` is all that was answered, to be judged by the engine alone; `message` may be shown to anyone: the node's
 * own words where they are a JSON-RPC error, and never any other body, which may be a page that repeats the URL with its key.
 */
export function readFault(error: unknown): { wording: string; message: string } {
  let status: number | undefined;
  for (let fault = error; fault instanceof Error; fault = fault.cause) {
    // What a node puts there is not always text, whatever the type says.
    const details: unknown = fault instanceof RpcRequestError ? fault.details : undefined;
    if (fault instanceof RpcRequestError && typeof details === 'string' && details !== '') {
      return { wording: details, message: forPublic(details, fault.url) };
    }
    if (fault instanceof HttpRequestError || fault instanceof RpcRequestError) status ??= fault.status;
  }
  const { shortMessage = describeError(error), details } = error as { shortMessage?: string; details?: string };
  return {
    wording: [shortMessage, details].filter(Boolean).join(' '),
    message: forPublic(status === undefined ? shortMessage : `${shortMessage} HTTP status ${status}`),
  };
}

function forPublic(words: string, url?: string): string {
  const line = redactUrls(words, url).replaceAll(/\s+/g, ' ').trim();
  return line.length > PUBLIC_WORDS_MAX ? `${line.slice(0, PUBLIC_WORDS_MAX - 1)}…` : line;
}
