import { SettingsError } from '../../kernel/errors.ts';
import { redactUrl } from '../../kernel/logger.ts';
import { ChainReadError } from '../errors.ts';
import { ForeignChainError } from './chain-identity.ts';
import type { ChainReader } from './reader.ts';

type CheckOptions = {
  urls: readonly string[];
  /** The chain that the settings promise; null where they leave it to the nodes. */
  chainId: number | null;
  readerOf: (url: string) => Pick<ChainReader, 'chainId'>;
};

/**
 * Asks every node, and not just the one that answers first, on which chain it is: the others are turned to when it fails. One that does not answer now is
 * asked again before it is first used.
 *
 * @returns what there is to say of each node that does not answer.
 * @throws SettingsError for a node of another chain.
 */
export async function checkNodes({ urls, chainId, readerOf }: CheckOptions): Promise<string[]> {
  const checks = urls.map(async (url) => {
    try {
      await readerOf(url).chainId();
      return [];
    } catch (error) {
      if (!(error instanceof ChainReadError)) throw error;
      if (error.cause instanceof ForeignChainError) {
        const { shortMessage } = error.cause;
        throw new SettingsError(
          chainId === null
            ? `WEB3_RPC_URL: ${shortMessage}; all URLs must be of one chain`
            : `CHAIN_ID: is ${chainId}, but ${shortMessage}; correct the one or the other`,
          { cause: error },
        );
      }
      return [`the node at ${redactUrl(url)} does not answer (${error.message}); it is checked before its first use`];
    }
  });
  await Promise.allSettled(checks);
  return (await Promise.all(checks)).flat();
}
