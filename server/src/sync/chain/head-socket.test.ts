import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Anvil, devActions, startAnvil } from '../../devchain/index.ts';
import type { BlockHeader } from '../types.ts';
import { ChainIdentity, ForeignChainError } from './chain-identity.ts';
import { holdHeadSocket } from './head-socket.ts';

let anvil: Anvil;
beforeAll(async () => {
  anvil = await startAnvil({ chainId: 5 });
});
afterAll(() => anvil.stop());

test('a socket of another chain tells of no head', async () => {
  const heard: string[] = [];
  const held = holdHeadSocket({
    url: anvil.wsUrl,
    identity: new ChainIdentity(1),
    onSubscribed: () => heard.push('subscribed'),
    onHead: () => heard.push('head'),
    signal: AbortSignal.timeout(30_000),
  });
  await expect(held).rejects.toThrow(ForeignChainError);
  expect(heard).toEqual([]);
});

test('a socket of the chain tells of every head', async () => {
  const ending = new AbortController();
  const subscribed = Promise.withResolvers<void>();
  const head = Promise.withResolvers<BlockHeader>();
  const held = holdHeadSocket({
    url: anvil.wsUrl,
    identity: new ChainIdentity(5),
    onSubscribed: subscribed.resolve,
    onHead: head.resolve,
    signal: ending.signal,
  });
  await Promise.race([subscribed.promise, held]);
  await devActions.mine({ rpcUrl: anvil.rpcUrl, blocks: 1 });
  expect(await Promise.race([head.promise, held])).toMatchObject({ number: 1 });
  ending.abort(new Error('enough'));
  await expect(held).rejects.toThrow('enough');
});
