import { BaseError, type Transport } from 'viem';
import { redactUrl } from '../../kernel/logger.ts';

/** A node is on another chain than the one that is synced: what it answers is of no meaning here. */
export class ForeignChainError extends BaseError {
  override name = 'ForeignChainError';
}

const CHAIN_ID = /^0x[0-9a-fA-F]{1,13}$/;

/**
 * The one chain that all nodes are on, whatever their URLs, and which of them have said so. Without an id from outside, the first node that answers sets it.
 * Each URL is asked once, before anything else that is asked of it: one that was away at the start when it is first turned to.
 */
export class ChainIdentity {
  #id: number | null;
  readonly #checked = new Set<string>();

  constructor(id: number | null) {
    this.#id = id;
  }

  /** Sets the id where none is known. */
  settle(id: number): void {
    this.#id ??= id;
  }

  /** Judges what the node at a URL answers to `eth_chainId`. @throws ForeignChainError */
  judge(url: string, answer: unknown): void {
    if (typeof answer !== 'string' || !CHAIN_ID.test(answer)) {
      throw new BaseError(`the node at ${redactUrl(url)} does not say on which chain it is`);
    }
    this.settle(Number(answer));
    if (Number(answer) !== this.#id) {
      throw new ForeignChainError(`the node at ${redactUrl(url)} is on chain ${Number(answer)} instead of ${this.#id}`);
    }
    this.#checked.add(url);
  }

  /** The transport of a URL, which asks for the chain before anything else. */
  guard(url: string, transport: Transport): Transport {
    return (parameters) => {
      const inner = transport(parameters);
      const ask = async () => {
        const answer: unknown = await inner.request({ method: 'eth_chainId' });
        this.judge(url, answer);
        return answer;
      };
      const request = async (args: { method: string }) => {
        if (args.method === 'eth_chainId') return ask();
        if (!this.#checked.has(url)) await ask();
        return inner.request(args);
      };
      return { ...inner, request: request as typeof inner.request };
    };
  }
}
