import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { SettingsError } from '../../kernel/errors.ts';
import { ChainReadError } from '../errors.ts';
import { ChainIdentity } from './chain-identity.ts';
import { checkNodes } from './check-nodes.ts';
import { createChainReader } from './reader.ts';

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close().closeAllConnections()));

/** A node of that chain, where every address has code. While it is away it answers nothing but 503. */
async function startNode(chainId: number, { isAway = false } = {}) {
  const node = { url: '', isAway, asked: [] as string[] };
  const server = createServer((request, response) => {
    if (node.isAway) return void response.writeHead(503).end();
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { id, method } = JSON.parse(body) as { id: number; method: string };
      node.asked.push(method);
      const result = method === 'eth_chainId' ? `0x${chainId.toString(16)}` : '0x6001';
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  node.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return node;
}

const address = `0x${'ab'.repeat(20)}` as const;
const check = (urls: string[], chainId: number | null, identity = new ChainIdentity(chainId)) =>
  checkNodes({ urls, chainId, readerOf: (url) => createChainReader({ urls: [url], identity }) });

describe('at the start', () => {
  test('a node of another chain behind one of several URLs is named, whichever answers first', async () => {
    const [right, wrong] = [await startNode(1), await startNode(5)];
    for (const urls of [
      [right.url, wrong.url],
      [wrong.url, right.url],
    ]) {
      await expect(check(urls, 1)).rejects.toThrow(
        `CHAIN_ID: is 1, but the node at ${wrong.url} is on chain 5 instead of 1; correct the one or the other`,
      );
    }
    const fault: unknown = await check([right.url, wrong.url], null).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(SettingsError);
    expect((fault as Error).message).toMatch(/^WEB3_RPC_URL: the node at .* all URLs must be of one chain$/);
  });

  test('a node that is away is no mistake in the settings', async () => {
    const [right, away] = [await startNode(1), await startNode(5, { isAway: true })];
    expect(await check([right.url, away.url], 1)).toEqual([expect.stringContaining(`${away.url} does not answer`)]);
  });
});

test('a node that was away at the start is asked for its chain before its first use, and not used where it is of another', async () => {
  const [right, wrong] = [await startNode(1), await startNode(5, { isAway: true })];
  const identity = new ChainIdentity(null);
  const urls = [right.url, wrong.url];
  await check(urls, null, identity);
  const reader = createChainReader({ urls, identity });
  [right.isAway, wrong.isAway] = [true, false];
  const fault: unknown = await reader.hasCode(address).catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(ChainReadError);
  expect((fault as Error).message).toBe(`eth_getCode: the node at ${wrong.url} is on chain 5 instead of 1`);
  expect(wrong.asked).toEqual(['eth_chainId']);
  right.isAway = false;
  expect(await reader.hasCode(address)).toBe(true);
});

test('a node is asked for its chain once, whatever is asked of it and by whom', async () => {
  const node = await startNode(1);
  const identity = new ChainIdentity(null);
  for (let reader = 0; reader < 2; reader += 1) {
    await createChainReader({ urls: [node.url], identity }).hasCode(address);
  }
  expect(node.asked).toEqual(['eth_chainId', 'eth_getCode', 'eth_getCode']);
});
