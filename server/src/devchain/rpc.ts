import type { Address, Hash, Hex } from 'viem';
import { DevChainError } from './errors.ts';

type RpcAnswer = { result?: unknown; error?: { code: number; message: string; data?: unknown } };

/** Mining thousands of blocks takes anvil many seconds. */
const CALL_TIMEOUT_MS = 60_000;

/** One JSON-RPC call to a development chain. @throws DevChainError `DEV_CHAIN_RPC` with the node's own message. */
export async function rpcCall(
  rpcUrl: string,
  method: string,
  params: readonly unknown[] = [],
  timeoutMs = CALL_TIMEOUT_MS,
): Promise<unknown> {
  const response = await fetch(rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const answer = (await response.json()) as RpcAnswer;
  if (answer.error) throw new DevChainError('DEV_CHAIN_RPC', `${method}: ${answer.error.message}`);
  return answer.result;
}

export type DevTransaction = { from: Address; to?: Address; data: Hex; gas: bigint; nonce?: number };

/** Hands a transaction to the node, which signs for its own accounts. The gas is given, so nothing is simulated. */
export async function sendTransaction(rpcUrl: string, transaction: DevTransaction): Promise<Hash> {
  const { gas, nonce, ...rest } = transaction;
  const call = { ...rest, gas: toQuantity(gas), ...(nonce === undefined ? {} : { nonce: toQuantity(nonce) }) };
  return (await rpcCall(rpcUrl, 'eth_sendTransaction', [call])) as Hash;
}

/** Throws unless every transaction is mined and succeeded: a reverted one would leave a chain that only looks right. */
export async function assertSucceeded(rpcUrl: string, hashes: readonly Hash[]): Promise<void> {
  const receipts = await Promise.all(hashes.map((hash) => rpcCall(rpcUrl, 'eth_getTransactionReceipt', [hash])));
  receipts.forEach((receipt, index) => {
    if ((receipt as { status?: string } | null)?.status !== '0x1') {
      throw new DevChainError('DEV_CHAIN_TRANSACTION_FAILED', `transaction ${hashes[index]} did not succeed`);
    }
  });
}

/** Seconds since the epoch of the newest block. */
export async function latestTimestamp(rpcUrl: string): Promise<number> {
  const block = (await rpcCall(rpcUrl, 'eth_getBlockByNumber', ['latest', false])) as { timestamp: Hex };
  return Number(block.timestamp);
}

/**
 * Runs `work` with automatic mining off, so that it decides which transactions share a block and what time the block has.
 * Mining goes back to what it was, also when `work` throws.
 */
export async function withManualMining<Result>(rpcUrl: string, work: () => Promise<Result>): Promise<Result> {
  const automatic = await rpcCall(rpcUrl, 'anvil_getAutomine');
  await rpcCall(rpcUrl, 'evm_setAutomine', [false]);
  try {
    return await work();
  } finally {
    await rpcCall(rpcUrl, 'evm_setAutomine', [automatic]);
  }
}

/** Mines one block; with `timestamp` (seconds) at exactly that time, which must lie after the newest block's. */
export async function mineBlock(rpcUrl: string, timestamp?: number): Promise<void> {
  if (timestamp !== undefined) await rpcCall(rpcUrl, 'evm_setNextBlockTimestamp', [timestamp]);
  await rpcCall(rpcUrl, 'evm_mine');
}

function toQuantity(value: bigint | number): Hex {
  return `0x${value.toString(16)}`;
}
