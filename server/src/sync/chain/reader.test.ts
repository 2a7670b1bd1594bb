import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ChainReadError, RangeTooWideError } from '../errors.ts';
import { stakeVaultAdapter } from '../vaults/stake-vault.ts';
import { ChainIdentity } from './chain-identity.ts';
import { createChainReader } from './reader.ts';
import { readContract } from './rpc-fault.ts';

const KEY = 'SECRETKEY0123456789abcdef';
const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

type Answer = { status?: number; type?: string; body: string };

/** A reader of a node that answers every request alike. */
async function readerOf(answer: Answer) {
  const server = createServer((_, response) => {
    response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'application/json' }).end(answer.body);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/${KEY}`;
  const identity = new ChainIdentity(1);
  identity.judge(url, '0x1');
  return createChainReader({ urls: [url], identity });
}

const rpcError = (message: unknown, status = 200, code = -32000): Answer => ({
  status,
  body: JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code, message } }),
});
const page = `<html>\n<p>/v2/${KEY} is forbidden</p>${'<br>'.repeat(5_000)}</html>`;
const range = { address: `0x${'ab'.repeat(20)}`, topics: [], fromBlock: 1, toBlock: 9 } as const;

const faultOf = (reading: Promise<unknown>): Promise<Error> =>
  reading.then(
    () => Promise.reject(new Error('the read went well')),
    (error: unknown) => error as Error,
  );

describe('the error of a failed read', () => {
  test.each<[string, Answer, string]>([
    ['a page', { status: 403, type: 'text/html', body: page }, 'HTTP request failed. HTTP status 403'],
    ['a page that says it is JSON', { status: 403, body: page }, 'HTTP request failed.'],
    ['a page instead of an answer', { type: 'text/html', body: page }, 'HTTP request failed.'],
    [
      'JSON of another kind',
      { status: 403, body: JSON.stringify({ error: page }) },
      'HTTP request failed. HTTP status 403',
    ],
    ['an error without a message', { body: JSON.stringify({ error: page }) }, 'RPC Request failed.'],
    [
      'an error whose message is no text',
      rpcError({ page }),
      'Missing or invalid parameters. Double check you have provided the correct parameters.',
    ],
  ])('never repeats %s', async (_, answer, message) => {
    const fault = await faultOf((await readerOf(answer)).header('latest'));
    expect(fault).toBeInstanceOf(ChainReadError);
    expect(fault.message).toBe(`eth_getBlockByNumber: ${message}`);
  });

  test.each([
    ['daily limit\n\n  reached', 200, 'daily limit reached'],
    ['daily limit reached', 403, 'daily limit reached'],
    [`see https://example.org/upgrade?key=${KEY} now`, 200, 'see https://example.org now'],
    [`no plan for key ${KEY}`, 200, 'no plan for key [redacted]'],
  ])('is the JSON-RPC error of the node without URLs and keys: %j', async (words, status, message) => {
    const fault = await faultOf((await readerOf(rpcError(words, status))).header('latest'));
    expect(fault.message).toBe(`eth_getBlockByNumber: ${message}`);
  });

  test('is cut at 200 characters, and the advice on the range is read out of all of them', async () => {
    const words = `${'long '.repeat(100)} query exceeds max block range 1000`;
    const reader = await readerOf(rpcError(words));
    const refusal = await faultOf(reader.logsOfRange(range));
    expect(refusal).toBeInstanceOf(RangeTooWideError);
    expect(refusal).toMatchObject({ blocks: 1000, isLimit: true });
    expect(refusal.message).toHaveLength(200);
    expect((await faultOf(reader.header('latest'))).message).toHaveLength('eth_getBlockByNumber: '.length + 200);
  });

  // viem takes the words of some codes into its own message of a failed call.
  test.each([-32603, -32000, 3])(
    'of a contract is without URLs and keys as well, and as short: code %i',
    async (code) => {
      const words = `upstream https://rpc.example.org/v2/${KEY} refused; key ${KEY} over quota ${'x'.repeat(500)}`;
      const pinned = (await readerOf(rpcError(words, 200, code))).pinnedAt(`0x${'1'.repeat(64)}`);
      const reading = stakeVaultAdapter.readStakedTotal(pinned, range.address);
      const fault = await faultOf(readContract(() => reading));
      expect(fault).toBeInstanceOf(ChainReadError);
      expect(fault.message).toMatch(
        /^the contract could not be read: upstream https:\/\/rpc\.example\.org refused; key \[redacted\] over quota x+…$/,
      );
      expect(fault.message).toHaveLength('the contract could not be read: '.length + 200);
    },
  );

  test('receipts that a node does not know are told apart from a failure, however long its words', async () => {
    const block = { hash: `0x${'1'.repeat(64)}`, timestamp: 1 } as const;
    const receiptsOf = async (words: string) =>
      (await readerOf(rpcError(words))).logsOfReceipts(range.address, [], block);
    expect(await receiptsOf(`${'long '.repeat(100)} the method eth_getBlockReceipts does not exist`)).toBeNull();
    expect(await faultOf(receiptsOf('out of order'))).toBeInstanceOf(ChainReadError);
  });

  test('receipts of a block that a node does not have are a failed read, not a block without logs', async () => {
    const reader = await readerOf({ body: JSON.stringify({ jsonrpc: '2.0', id: 1, result: null }) });
    const fault = await faultOf(
      reader.logsOfReceipts(range.address, [], { hash: `0x${'1'.repeat(64)}`, timestamp: 1 }),
    );
    expect(fault).toBeInstanceOf(ChainReadError);
    expect(fault.message).toMatch(/no receipts of block 0x1{64}/);
  });
});

describe('a header', () => {
  const block = {
    number: '0x10',
    hash: `0x${'a'.repeat(64)}`,
    parentHash: `0x${'b'.repeat(64)}`,
    timestamp: '0x65000000',
    logsBloom: `0x${'0'.repeat(512)}`,
  };

  test('is the one of the number that was asked for', async () => {
    const reader = await readerOf({ body: JSON.stringify({ jsonrpc: '2.0', id: 1, result: block }) });
    for (const which of [16, 'latest', 'finalized'] as const) {
      expect(await reader.header(which)).toMatchObject({ number: 16 });
    }
    const fault = await faultOf(reader.header(15));
    expect(fault).toBeInstanceOf(ChainReadError);
    expect(fault.message).toBe('a node answered block 16 for block 15');
  });
});
