import { describe, expect, test } from 'vitest';
import { adviseRange } from './log-range.ts';

// The wordings that public indexers have collected from providers, with example figures in place of their N.

describe('a refusal that names a range instead is answered with its width, which says nothing of other ranges', () => {
  test.each([
    ['infura', 'query returned more than 10000 results. Try with this block range [0x64, 0xc7].', 100],
    ['zksync', 'Query returned more than 10000 results. Try with this block range [0x1, 0x1].', 1],
    ['alchemy', 'Log response size exceeded. this block range should work: [0x64, 0x12b]', 200],
    ['others', 'query exceeds max results 20000, retry with the range 100-349', 250],
  ])('%s: %s', (_, message, blocks) => {
    for (const text of [message, message.toUpperCase(), `The node says: ${message}. Request id 77`]) {
      expect(adviseRange(text), text).toEqual({ action: 'narrow', blocks, isLimit: false });
    }
  });
});

describe('a refusal that names the most blocks is answered with them, for any range', () => {
  test.each([
    ['avalanche', 'requested too many blocks from 100 to 5000, maximum is set to 2048', 2048],
    ['cloudflare', 'Max range: 800', 800],
    ['thirdweb', 'Maximum allowed number of requested blocks is 1000', 1000],
    ['quicknode', 'eth_getLogs is limited to a 10000 range', 10_000],
    ['quicknode, as it writes figures', 'eth_getLogs and eth_newFilter are limited to a 10,000 blocks range', 10_000],
    ['1rpc', 'eth_getLogs is limited to a 500 blocks range', 500],
    ['blockpi', 'eth_getLogs is limited to 1024 block range', 1024],
    ['blast, paid', 'exceeds the range allowed for your plan (9000 > 5000)', 5000],
    ['coinbase', 'please limit the query to at most 1000 blocks', 1000],
    ['publicnode', 'maximum block range: 50000', 50_000],
    ['hyperliquid', 'query exceeds max block range 1000', 1000],
    ['swell', 'block range greater than 2000 max', 2000],
    ['somnia', 'block range exceeds 1000', 1000],
    ['merkle', 'eth_getLogs range is too large, max is 10k blocks', 10_000],
    ['merkle, smaller plan', 'eth_getLogs range is too large, max is 1k blocks', 1000],
    ['harmony', 'query must be smaller than size 1024', 1024],
    ['moonriver', 'block range is too wide (maximum 1024)', 1024],
    ['aurora', 'you can make eth_getLogs requests with up to a 2000 block range', 2000],
    ['ankr-tac', 'maximum [from, to] blocks distance: 5000', 5000],
    ['tron', 'exceed max block range: 5000', 5000],
    ['others', 'maximum allowed is 3000 blocks', 3000],
    ['freetier', 'ranges over 10000 blocks are not supported on freetier', 10_000],
  ])('%s: %s', (_, message, blocks) => {
    for (const text of [message, message.toUpperCase(), `The node says: ${message}. Request id 77`]) {
      expect(adviseRange(text), text).toEqual({ action: 'narrow', blocks, isLimit: true });
    }
  });
});

describe('a refusal without a figure is answered with half', () => {
  test.each([
    ['ankr', 'block range is too wide'],
    ['chainstack', 'Block range limit exceeded.'],
    ['', 'allowed block range threshold exceeded'],
    ['', 'exceeded max allowed'],
    ['', 'range threshold exceeded'],
    ['', 'block range too large'],
    ['', 'backend response too large'],
    ['', 'response is too big'],
    ['', 'query exceeds max results'],
    ['', 'logs matched by query exceeds limit of 10000'],
    ['', 'query returned more than 10000 results'],
    ['', 'response size should not greater than 10000000 bytes'],
    ['', 'query timeout exceeded'],
    ['', 'Query timeout exceeded. Consider reducing your block range.'],
    ['', 'execution timeout'],
    ['', 'query timed out after 10s'],
  ])('%s: %s', (_, message) => {
    expect(adviseRange(message)).toEqual({ action: 'narrow', blocks: null, isLimit: false });
    expect(adviseRange(message.toUpperCase())).toEqual({ action: 'narrow', blocks: null, isLimit: false });
  });
});

test.each([
  'block range extends beyond current head block',
  'requested from block 100 after last accepted block 99',
  'no backend is currently healthy to serve traffic',
])('a node that lags is waited for, not asked for less: %s', (message) => {
  expect(adviseRange(message)).toEqual({ action: 'wait' });
});

test.each([
  '',
  'execution reverted',
  'rate limit exceeded',
  'unauthorized',
  'missing trie node',
  '429 Too Many Requests',
  'HTTP request failed.',
  // The library's own words for a node that says nothing: asking again at once, for less, would take as long once more.
  'The request took too long to respond. The request timed out.',
])('%j is about something else', (message) => {
  expect(adviseRange(message)).toBeNull();
});

test('whatever a node suggests, at least one block is asked for, and never an endless number', () => {
  for (const message of [
    'maximum is set to 0',
    'Try with this block range [0x64, 0x0]',
    'retry with the range 9-1',
    'max is 0k blocks. range is too large, max is 0k',
  ]) {
    const advice = adviseRange(message);
    expect(advice, message).toMatchObject({ action: 'narrow', blocks: 1 });
  }
});

test('a megabyte of a message is read at once', () => {
  // Not the clock on the wall: that goes on while others have the processor.
  const before = process.cpuUsage();
  for (const piece of ['block range ', 'maximum is set to ', 'exceeds limit of ', '[0x', '9'])
    adviseRange(piece.repeat(1_000_000 / piece.length));
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000, 'milliseconds of work').toBeLessThan(2000);
});
