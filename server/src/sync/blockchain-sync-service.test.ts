import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Database } from '../db/index.ts';
import { describeDrivers } from '../db/test-databases.ts';
import { stakingEntities } from '../domains/staking/index.ts';
import { ChainReadError, DeepReorgError, NodeBehindError } from './errors.ts';
import type { FaultKind } from './fault-kinds.ts';
import { readOutboxAfter } from './outbox.ts';
import { PATH_BLOCKS_MAX } from './proven-path.ts';
import { syncEntities } from './sync.entity.ts';
import { POSITIONS_PER_RUN } from './reconcile.ts';
import {
  extendChain,
  followNodes,
  OTHER_OWNER,
  OWNER,
  type TestBlock,
  type TestCall,
  TestNodes,
  type TestRequest,
} from './test-chain.ts';
import type { Fact } from './types.ts';

const STAKE = 100n;
/** Has no stakes. */
const STRANGER = `0x${'33'.repeat(20)}`;

/** Both forks share the stake of block 5. On the one that loses its reward is claimed in block 11, on the one that wins later and as another sum. */
const common = extendChain([], { fork: 'c', through: 10, calls: { 5: [{ stake: STAKE, index: 0n }] } });
const losing = extendChain(common, {
  fork: 'a',
  through: 14,
  calls: { 11: [{ claim: 40n, index: 0n }], 12: [{ stake: 9n, index: 1n }] },
});
const winning = extendChain(common, { fork: 'b', through: 14, calls: { 12: [{ stake: 7n, index: 1n }] } });
const winningLater = extendChain(winning, { fork: 'b', through: 15, calls: { 15: [{ claim: 41n, index: 0n }] } });

describeDrivers(['sqlite', 'mariadb'], ({ driver, open }) => {
  let database: Database;

  beforeEach(async () => {
    database = await open([...syncEntities, ...stakingEntities]);
    await database.orm.schema.create();
  });

  /** A vault that has followed the nodes to their head, in tables that hold nothing else. */
  const followTo = async (chain: TestBlock[], finalizedBlock = 4, chainId = 1) => {
    for (const table of ['vaults', 'chain_blocks', 'stakes', 'staking_logs', 'staking_conflicts', 'sync_leases'])
      await database.em().execute(`delete from ${table}`, [], 'run');
    const nodes = new TestNodes(chain, finalizedBlock);
    const followed = await followNodes(database, nodes, { chainId });
    await followed.service.reconcile();
    nodes.requests.length = 0;
    return { nodes, ...followed };
  };

  type World = Awaited<ReturnType<typeof followTo>>;
  const tablesOf = async ({ rows, positions }: World) => ({
    positions: await positions(),
    logs: await rows(`select block_hash from staking_logs where status = 'applied' order by block_number, log_index`),
    conflicts: await rows('select * from staking_conflicts'),
  });
  /** What the tables hold where they are as the chain is. */
  const truthOf = ({ nodes }: World) => ({
    positions: nodes.positions(),
    logs: nodes.chain.flatMap(({ logs }) => logs.map(({ blockHash }) => ({ block_hash: blockHash }))),
    conflicts: [],
  });

  describe('while nodes on two forks answer for one address', () => {
    /** Where each request of one cycle is answered. What a block is named by its hash for, is answered by a node that has it. */
    const mixed = fc.record({
      headersOfLosing: fc.subarray<number | string>([11, 12, 13, 14, 'latest']),
      isRangeOfLosing: fc.boolean(),
      isSearching: fc.boolean(),
    });

    test('no log of the fork that loses outlasts it, whichever of the answers come from there', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(mixed, { minLength: 1, maxLength: 4 }), async (cycles) => {
          const world = await followTo(common);
          const { nodes, service } = world;
          nodes.chain = winning;
          nodes.forks = [losing];
          for (const { headersOfLosing, isRangeOfLosing, isSearching } of cycles) {
            nodes.route = (request) => {
              if (request.method === 'header') return headersOfLosing.includes(request.block) ? losing : null;
              return request.method === 'logsOfRange' && isRangeOfLosing ? losing : null;
            };
            nodes.unexplainedRaw = isSearching ? 1n : 0n;
            await service.reconcile().catch(() => undefined);
          }
          nodes.route = () => null;
          nodes.unexplainedRaw = 0n;
          nodes.chain = winningLater;
          await service.reconcile();
          await service.reconcileOwner(OWNER);
          expect(await tablesOf(world)).toEqual(truthOf(world));
        }),
        { numRuns: driver === 'sqlite' ? 100 : 10 },
      );
    });

    test('a header of the other fork in the middle of a back-fill brings none of its logs', async () => {
      const world = await followTo(common);
      const { nodes, service, rows } = world;
      nodes.chain = winning;
      nodes.forks = [losing];
      nodes.route = (request) => (request.method === 'header' && request.block === 11 ? losing : null);
      await expect(service.reconcile()).rejects.toThrow('the chain forks faster');
      expect(await rows('select block_number from staking_logs')).toEqual([{ block_number: 5 }]);
      nodes.route = () => null;
      nodes.chain = winningLater;
      await service.reconcile();
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });

    test('an answer with logs by number that comes from the other fork is no fact', async () => {
      const world = await followTo(common);
      const { nodes, service } = world;
      nodes.chain = winning;
      nodes.forks = [losing];
      nodes.route = once(({ method }) => method === 'logsOfRange', losing);
      await service.reconcile();
      nodes.chain = winningLater;
      await service.reconcile();
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });

    test('a search that is answered from the other fork finds nothing', async () => {
      const world = await followTo(winning);
      const { nodes, service } = world;
      nodes.forks = [losing];
      nodes.unexplainedRaw = 1n;
      nodes.route = (request) => (request.method === 'header' && typeof request.block === 'number' ? losing : null);
      await expect(service.reconcile()).rejects.toThrow('the chain moved while its logs were read again');
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });

    test('a cursor on the fork that loses gets no final blocks of the other on top', async () => {
      // Both say that the reward is claimed, so that no comparison with the contract tells them apart.
      const claimOf = (claim: bigint) => ({ 12: [{ claim, index: 0n }] });
      const dropped = extendChain(common, { fork: 'a', through: 14, calls: claimOf(40n) });
      const world = await followTo(dropped);
      const { nodes, service, writer } = world;
      const cursor = writer.cursor?.number;
      nodes.chain = extendChain(common, { fork: 'b', through: 60, calls: claimOf(41n) });
      nodes.forks = [dropped];
      nodes.finalizedBlock = 50;
      nodes.route = once((request) => request.method === 'header' && request.block === cursor, dropped);
      await service.reconcile();
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });
  });

  describe('a fork under everything that is applied', () => {
    const young = extendChain(common, { fork: 'a', through: 14, calls: { 12: [{ stake: 9n, index: 1n }] } });
    /** Everything from block 11 on is another, and has become final while the vault rested. */
    const meanwhile = extendChain(winningLater, { fork: 'b', through: 60 });
    const restAndFollow = async ({ nodes, service }: World) => {
      await service.pause();
      nodes.chain = meanwhile;
      nodes.finalizedBlock = 50;
      await service.resume();
    };

    test('is followed from the start where nothing applied was final then, whatever has become so since', async () => {
      const world = await followTo(young);
      // Its only checkpoint is block 14.
      await world.rows('delete from chain_blocks where number <> 14');
      await restAndFollow(world);
      await world.service.reconcile();
      expect(world.service.haltedReason).toBeNull();
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });

    test('halts the vault where it was final', async () => {
      const world = await followTo(young, 14);
      await restAndFollow(world);
      await expect(world.service.reconcile()).rejects.toThrow(DeepReorgError);
    });

    test('is followed also where the chain failed before the rest, having told what is final by then', async () => {
      const world = await followTo(young);
      const { nodes, service, writer } = world;
      await world.rows('delete from chain_blocks where number <> 14');
      nodes.chain = meanwhile;
      nodes.finalizedBlock = 50;
      nodes.route = (request) => {
        if (request.method === 'header' && typeof request.block === 'number') throw new ChainReadError('no answer');
        return null;
      };
      await expect(service.reconcile()).rejects.toThrow('no answer');
      expect(writer.state).toMatchObject({ finalizedBlock: 50, verifiedBlock: 14 });
      nodes.route = () => null;
      await restAndFollow(world);
      await service.reconcile();
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });
  });

  test('a back-fill above finality finds what a node leaves out of one answer, where the block’s bloom tells', async () => {
    const world = await followTo(common);
    world.nodes.chain = extendChain(winningLater, { fork: 'b', through: 40 });
    const bare = world.nodes.chain.map((block) => ({ ...block, logs: [] }));
    world.nodes.route = once(({ method }) => method !== 'header', bare);
    await world.service.reconcile();
    expect(world.faults).toEqual(['empty_answer']);
    expect(await tablesOf(world)).toEqual(truthOf(world));
  });

  describe('a log that the block’s bloom hides above finality', () => {
    const claims = extendChain(common, { fork: 'b', through: 14, calls: { 12: [{ claim: 4n, index: 0n }] } });
    const withBloom = (logsBloom: TestBlock['logsBloom']) =>
      claims.map((block) => (block.number === 12 ? { ...block, logsBloom } : block));

    test('is found before anything is corrected', async () => {
      const world = await followTo(common);
      world.nodes.chain = withBloom(common[0]?.logsBloom ?? null);
      await world.service.reconcile();
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });

    test('is read with the others where the bloom says nothing, by a back-fill and as a new head', async () => {
      const world = await followTo(common);
      const { nodes, service, writer } = world;
      nodes.chain = withBloom(null);
      for (const { number, expected } of [
        { number: 11, expected: [] },
        { number: 12, expected: [{ method: 'logsOfBlock', hash: claims[12]?.hash }] },
      ]) {
        nodes.requests.length = 0;
        service.hearHead(nodes.chain[number] as TestBlock);
        await expect.poll(() => writer.cursor?.number).toBe(number);
        expect(nodes.requests).toEqual(expected);
      }
      expect(await tablesOf(world)).toEqual(truthOf(world));
      const later = await followTo(common);
      later.nodes.chain = withBloom(null);
      later.service.hearHead(later.nodes.chain[14] as TestBlock);
      await expect.poll(() => later.writer.cursor?.number).toBe(14);
      expect(await tablesOf(later)).toEqual(truthOf(later));
    });
  });

  test('what was missed above finality is applied in the order of the chain, or not at all where a part cannot be read', async () => {
    const empty = extendChain([], { fork: 'c', through: 10 });
    const world = await followTo(empty);
    const { nodes, service, writer, rows } = world;
    const calls = { 20: [{ stake: 3n, index: 0n }], 200: [{ claim: 1n, index: 0n }], 290: [{ stake: 4n, index: 1n }] };
    nodes.chain = extendChain(empty, { fork: 'b', through: 300, calls });
    await writer.applyUnit({ fromBlock: 11, facts: [], end: nodes.chain[300] as TestBlock });
    nodes.route = (request) => {
      if (request.method === 'header' && request.block === 20) throw new ChainReadError('no answer');
      return null;
    };
    await expect(service.reconcile()).rejects.toThrow('no answer');
    expect(await rows('select block_number from staking_logs')).toEqual([]);
    nodes.route = () => null;
    const already = (await readOutboxAfter(database.em(), 0, 100)).length;
    await service.reconcile();
    expect(await tablesOf(world)).toEqual(truthOf(world));
    const events = (await readOutboxAfter(database.em(), 0, 100)).slice(already).map(({ event }) => event);
    expect(events.map((event) => event.type === 'fact' && event.fact.blockNumber)).toEqual([20, 200, 290]);
  });

  test('a back-fill asks for headers of no final block but the ends of its ranges', async () => {
    const chain = extendChain(winningLater, { fork: 'b', through: 400 });
    const world = await followTo(common);
    world.nodes.chain = chain;
    world.nodes.finalizedBlock = 390;
    await world.service.reconcile();
    expect(await tablesOf(world)).toEqual(truthOf(world));
    const asked = (isFinal: boolean) =>
      world.nodes.requests.filter(
        (request) =>
          request.method === 'header' && typeof request.block === 'number' && request.block <= 390 === isFinal,
      ).length;
    expect(asked(false)).toBe(10);
    expect(asked(true)).toBeLessThan(20);
    expect(world.nodes.requests.filter(({ method }) => method === 'logsOfBlock')).toEqual([]);
  });

  test('a head far above the cursor is not read block by block where most of the way has become final', async () => {
    const { nodes, service, writer } = await followTo(common);
    nodes.chain = extendChain(winningLater, { fork: 'b', through: 400 });
    nodes.finalizedBlock = 390;
    service.hearHead(nodes.chain[400] as TestBlock);
    await expect.poll(() => writer.cursor?.number).toBe(400);
    expect(nodes.requests.length).toBeLessThan(40);
  });

  test('a final range whose end is another block than that of its last log is not applied', async () => {
    const world = await followTo(common, 10);
    world.nodes.chain = winning;
    world.nodes.finalizedBlock = 12;
    world.nodes.route = once(({ method }) => method === 'logsOfRange', losing);
    await world.service.reconcile();
    expect(await tablesOf(world)).toEqual(truthOf(world));
  });

  test('a way above finality that is longer than one path is read in several, and each joins on to the one before', async () => {
    const through = 3 * PATH_BLOCKS_MAX;
    const calls = Object.fromEntries(
      [0, 1, 2, 3].map((at) => [20 + at * 90, [{ stake: BigInt(at + 1), index: BigInt(at + 1) }]]),
    );
    const world = await followTo(common);
    world.nodes.chain = extendChain(common, { fork: 'b', through, calls });
    await world.service.reconcile();
    expect(await tablesOf(world)).toEqual(truthOf(world));
    expect(world.writer.cursor?.number).toBe(through);
  });

  test('a new block costs one request where its bloom admits logs, and none where it does not', async () => {
    const { nodes, service, writer } = await followTo(common);
    nodes.chain = winning;
    for (const { number, expected } of [
      { number: 11, expected: [] },
      { number: 12, expected: [{ method: 'logsOfBlock', hash: winning[12]?.hash }] },
    ]) {
      nodes.requests.length = 0;
      service.hearHead(winning[number] as TestBlock);
      await expect.poll(() => writer.cursor?.number).toBe(number);
      expect(nodes.requests).toEqual(expected);
    }
  });

  test('each piece of work that fails is counted as a fault of its kind, whatever it is', async () => {
    const world = await followTo(common, 10);
    const { nodes } = world;
    const failing = async (kind: FaultKind, { service, faults } = world) => {
      faults.length = 0;
      await expect(service.reconcile()).rejects.toBeInstanceOf(Error);
      expect(faults).toEqual([kind]);
    };
    nodes.route = () => {
      throw new ChainReadError('no answer');
    };
    await failing('chain_unreadable');
    nodes.route = () => common.slice(0, 5);
    await failing('node_behind');
    nodes.route = () => null;
    nodes.unexplainedRaw = 1n;
    await failing('unexplained_total');
    nodes.unexplainedRaw = 0n;
    nodes.route = () => {
      throw new Error('a defect');
    };
    await failing('internal');
    nodes.route = () => null;
    await world.rows('update vaults set cursor_hash = null');
    nodes.chain = extendChain(common, { fork: 'b', through: 11 });
    await failing('stale_writer');
    const halting = await followTo(common, 10);
    halting.nodes.chain = extendChain([], { fork: 'd', through: 14 });
    await failing('deep_reorg', halting);
  });

  describe('an answer that ends below the cursor', () => {
    const MINUTES_MS = 60_000;
    const behind = 'the node is behind';
    const lagBy = (nodes: TestNodes, blocks: number) => {
      const lagging = nodes.chain.slice(0, -blocks);
      nodes.route = () => lagging;
    };

    test.each([
      { lag: 1, title: 'by one block' },
      { lag: 100, title: 'so far that it does not reach finality' },
    ])('takes nothing back, $title, however long ago another one did so', async ({ lag }) => {
      const world = await followTo(extendChain(common, { fork: 'c', through: 100 }), 40);
      const { nodes, service, writer, pass } = world;
      lagBy(nodes, 1);
      await expect(service.reconcile()).rejects.toThrow(behind);
      nodes.route = () => null;
      for (let through = 101; through <= 110; through += 1) {
        pass(MINUTES_MS);
        nodes.chain = extendChain(nodes.chain, { fork: 'c', through });
        nodes.finalizedBlock = through - 60;
        service.hearHead(nodes.chain[through] as TestBlock);
        await expect.poll(() => writer.cursor?.number).toBe(through);
        await service.reconcile();
      }
      lagBy(nodes, lag);
      await expect(service.reconcile()).rejects.toThrow(behind);
      expect(service.haltedReason).toBeNull();
      expect(writer.state.counters.reorgs).toBe(0);
      nodes.route = () => null;
      await service.reconcile();
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });

    test('does not halt the vault where it does not reach finality, while another node tells of a fork', async () => {
      const { nodes, service } = await followTo(extendChain(common, { fork: 'c', through: 100 }), 40);
      lagBy(nodes, 1);
      await expect(service.reconcile()).rejects.toThrow(behind);
      const lagging = nodes.chain.slice(0, -1);
      // The head, finality and the block at the cursor; then the way down to the common ancestor.
      const answers = [lagging, lagging, extendChain(lagging, { fork: 'd', through: 100 })];
      nodes.route = () => answers.shift() ?? nodes.chain.slice(0, 5);
      await expect(service.reconcile()).rejects.toThrow('the node is behind the final blocks');
      expect(service.haltedReason).toBeNull();
    });

    test('takes nothing back after a rest, however long', async () => {
      const { nodes, service, writer, pass } = await followTo(common);
      lagBy(nodes, 1);
      await expect(service.reconcile()).rejects.toThrow(behind);
      await service.pause();
      pass(60 * MINUTES_MS);
      await service.resume();
      await expect(service.reconcile()).rejects.toThrow(behind);
      expect(writer.cursor?.number).toBe(10);
    });

    test('counts as cut back after two minutes of nothing else', async () => {
      const { nodes, service, writer, pass } = await followTo(losing);
      nodes.chain = losing.slice(0, 13);
      await expect(service.reconcile()).rejects.toThrow(behind);
      pass(2 * MINUTES_MS - 1);
      await expect(service.reconcile()).rejects.toThrow(behind);
      pass(1);
      await service.reconcile();
      expect(writer.state).toMatchObject({ cursor: { number: 12 }, counters: { reorgs: 1 } });
    });

    test('halts nothing where it does not reach finality, however long; the vault goes on once the node is back', async () => {
      const world = await followTo(extendChain(common, { fork: 'c', through: 100 }), 40);
      const { nodes, service, writer, pass } = world;
      const { cursor } = writer;
      lagBy(nodes, 80);
      for (let minutes = 0; minutes < 10; minutes += 1) {
        await expect(service.reconcile()).rejects.toThrow(NodeBehindError);
        pass(MINUTES_MS);
      }
      expect(service.haltedReason).toBeNull();
      expect(writer.cursor).toEqual(cursor);
      expect(writer.state.counters.reorgs).toBe(0);
      nodes.chain = extendChain(nodes.chain, { fork: 'c', through: 120 });
      nodes.route = () => null;
      await service.reconcile();
      expect(writer.cursor?.number).toBe(120);
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });

    test('halts the vault where it does not reach finality on a development chain, which may have been reset', async () => {
      const { nodes, service } = await followTo(extendChain(common, { fork: 'c', through: 100 }), 40, 31_337);
      lagBy(nodes, 80);
      await expect(service.reconcile()).rejects.toThrow(DeepReorgError);
    });

    test('counts as cut back at once on a development chain', async () => {
      const world = await followTo(losing, 4, 31_337);
      world.nodes.chain = losing.slice(0, 12);
      await world.service.reconcile();
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });
  });

  describe('a total that nothing explains', () => {
    const UNEXPLAINED = 'no log explains the difference';
    const rangesAsked = (nodes: TestNodes) => nodes.requests.filter(({ method }) => method === 'logsOfRange').length;

    test('is searched for once, however many stakes come meanwhile', async () => {
      const { nodes, service } = await followTo(common);
      nodes.unexplainedRaw = 1n;
      await expect(service.reconcile()).rejects.toThrow(UNEXPLAINED);
      const searched = rangesAsked(nodes);
      expect(searched).toBeGreaterThan(0);
      for (let index = 1; index <= 5; index += 1) {
        const through = 10 + index;
        const calls = { [through]: [{ stake: 3n, index: BigInt(index) }] };
        nodes.chain = extendChain(nodes.chain, { fork: 'b', through, calls });
        await expect(service.reconcile()).rejects.toThrow(UNEXPLAINED);
      }
      expect(rangesAsked(nodes)).toBe(searched);
    });

    test('does not keep the sweep from finding a claim that was left out', async () => {
      const world = await followTo(common);
      const { nodes, service } = world;
      nodes.unexplainedRaw = 1n;
      await expect(service.reconcile()).rejects.toThrow(UNEXPLAINED);
      nodes.chain = extendChain(common, { fork: 'b', through: 12, calls: { 11: [{ claim: 4n, index: 0n }] } });
      // As where the node has left the log out of every answer.
      await world.writer.applyUnit({ fromBlock: 11, facts: [], end: nodes.chain[12] as TestBlock });
      await expect(service.reconcile()).rejects.toThrow(UNEXPLAINED);
      expect(await tablesOf(world)).toEqual(truthOf(world));
    });

    test('is no reason to go on searching once the work is to stop', async () => {
      const { nodes, service, writer } = await followTo(extendChain(common, { fork: 'b', through: 600 }), 590);
      const pausing: Promise<void>[] = [];
      nodes.unexplainedRaw = 1n;
      nodes.route = ({ method }) => {
        if (method === 'logsOfRange') pausing.push(service.pause());
        return null;
      };
      await expect(service.reconcile()).rejects.toThrow('the search was stopped');
      await Promise.all(pausing);
      expect(rangesAsked(nodes)).toBe(1);
      expect(writer.state.counters.conflicts).toBe(0);
    });
  });

  describe('a row that somebody deleted, the only one of its owner', () => {
    const STAKES = POSITIONS_PER_RUN + 5;
    /** Of nothing, so that no total tells of it. */
    const onlyStake: TestCall = { owner: OTHER_OWNER, stake: 0n, index: 0n };
    const stakeAt = (index: number): TestCall => ({ stake: STAKE + BigInt(index), index: BigInt(index) });
    const deleteRow = ({ rows }: World) => rows(`delete from stakes where owner_address = '${OTHER_OWNER}'`);
    const reasonsOf = ({ rows }: World) =>
      rows('select owner_address, reason, state_before from staking_conflicts order by owner_address desc');
    const restored = { owner_address: OTHER_OWNER, reason: 'row_differed_from_facts', state_before: 'null' };

    /** A vault that a round takes two steps for, the first of them made. */
    const followLarge = async () => {
      const calls = { 5: [onlyStake, ...Array.from({ length: STAKES }, (_, index) => stakeAt(index))] };
      return followTo(extendChain([], { fork: 'c', through: 10, calls }), 8);
    };
    /** The rest of the round that is going on, and one more; each step finds a new stake. */
    const sweepWhileStaking = async ({ nodes, service, writer }: World) => {
      for (let step = 0; step < 3; step += 1) {
        const through = nodes.chain.length;
        const calls = { [through]: [stakeAt(writer.state.positions - 1)] };
        nodes.chain = extendChain(nodes.chain, { fork: 'c', through, calls });
        await service.reconcile();
      }
    };

    test('is put back by the end of the round, although something is written in each of its steps', async () => {
      const world = await followLarge();
      await deleteRow(world);
      await sweepWhileStaking(world);
      expect(await world.positions()).toEqual(world.nodes.positions());
      expect(await reasonsOf(world)).toEqual([restored]);
      expect(world.writer.state.positions).toBe(STAKES + 4);
    });

    test('is put back by the end of the round, although the chain forks before each of its steps', async () => {
      const world = await followLarge();
      const { nodes, service, writer } = world;
      const shared = nodes.chain;
      const stepOn = async (fork: string, through: number) => {
        nodes.chain = extendChain(shared, { fork, through, calls: { 11: [stakeAt(STAKES)] } });
        await service.reconcile();
      };
      await stepOn('d', 11);
      await deleteRow(world);
      await stepOn('e', 12);
      await stepOn('f', 13);
      expect(writer.state.counters.reorgs).toBe(2);
      expect(await world.positions()).toEqual(nodes.positions());
      expect(await reasonsOf(world)).toEqual([restored]);
    });

    test('is put back although its facts went with it', async () => {
      const world = await followLarge();
      await deleteRow(world);
      await world.rows(`delete from staking_logs where owner_address = '${OTHER_OWNER}'`);
      await sweepWhileStaking(world);
      expect(await tablesOf(world)).toEqual({ ...truthOf(world), conflicts: [] });
      expect(world.writer.state.positions).toBe(STAKES + 4);
    });

    test('is put back along with another that was changed, whose repair counts the kept figures anew', async () => {
      const calls = { 5: [onlyStake, stakeAt(0)] };
      const world = await followTo(extendChain([], { fork: 'c', through: 10, calls }));
      await deleteRow(world);
      await world.rows('update stakes set reward_claimed = true');
      await world.service.reconcile();
      expect(await world.positions()).toEqual(world.nodes.positions());
      expect(await reasonsOf(world)).toMatchObject([restored, { owner_address: OWNER }]);
    });

    test('is put back where the kept figures went with it', async () => {
      const calls = { 5: [{ ...onlyStake, stake: 9n }, stakeAt(0)] };
      const world = await followTo(extendChain([], { fork: 'c', through: 10, calls }));
      await deleteRow(world);
      await world.rows(`update vaults set positions = 1, staked_total_raw = '${STAKE}'`);
      await world.service.resume();
      await world.service.reconcile();
      expect(await world.positions()).toEqual(world.nodes.positions());
      expect(await reasonsOf(world)).toEqual([restored]);
      expect(world.writer.state).toMatchObject({ positions: 2, stakedTotalRaw: STAKE + 9n });
    });

    test('is put back where somebody made it the row of another owner, which has nothing then', async () => {
      const world = await followLarge();
      await world.rows(`update stakes set owner_address = '${STRANGER}' where owner_address = '${OTHER_OWNER}'`);
      await sweepWhileStaking(world);
      expect(await world.positions()).toEqual(world.nodes.positions());
      expect(await world.rows(`select id from stakes where owner_address = '${STRANGER}'`)).toEqual([]);
      expect(await reasonsOf(world)).toMatchObject([{ owner_address: STRANGER }, restored]);
      expect(world.writer.state.positions).toBe(STAKES + 4);
    });

    test('is looked for by a count only at the end of a round in which something was written', async () => {
      const world = await followLarge();
      const counted = vi.spyOn(world.sink, 'countPositions');
      const searched = vi.spyOn(world.sink, 'findWithoutRow');
      await sweepWhileStaking(world);
      expect(counted).toHaveBeenCalledTimes(2);
      const before = await world.rows('select * from vaults');
      for (let step = 0; step < 4; step += 1) await world.service.reconcile();
      expect(counted).toHaveBeenCalledTimes(2);
      expect(searched).not.toHaveBeenCalled();
      expect(await world.rows('select * from vaults')).toEqual(before);
      expect(world.writer.state.verifiedBlock).toBe(world.writer.cursor?.number);
    });
  });

  describe('whatever is done to rows and logs by hand', () => {
    const OWNED = POSITIONS_PER_RUN + 2;
    const calls: TestCall[] = [
      ...[0n, 1n, 2n].map((index) => ({ owner: OTHER_OWNER, stake: index, index })),
      ...Array.from({ length: OWNED }, (_, at) => ({ stake: BigInt(at), index: BigInt(at) })),
    ];
    const refs = calls.slice(0, 8).map(({ owner = OWNER, index }) => ({ owner, ref: `${owner}:${index}` }));
    const harm = fc
      .record({
        at: fc.constantFrom(...refs),
        kind: fc.constantFrom('row', 'owner', 'logs', 'claimed', 'amount', 'key', 'holder', 'ref'),
      })
      .map(({ at: { owner, ref }, kind }) => {
        if (kind === 'row') return `delete from stakes where ref = '${ref}'`;
        if (kind === 'owner') return `delete from stakes where owner_address = '${owner}'`;
        if (kind === 'logs') return `delete from staking_logs where ref = '${ref}'`;
        if (kind === 'claimed') return `update stakes set reward_claimed = true where ref = '${ref}'`;
        if (kind === 'holder') return `update stakes set owner_address = '${STRANGER}' where ref = '${ref}'`;
        if (kind === 'ref') return `update stakes set ref = '${STRANGER}:0' where ref = '${ref}'`;
        if (kind === 'amount') return `update stakes set amount_raw = '77' where ref = '${ref}'`;
        return `update stakes set ref = '${owner}:999', position_key = '999' where ref = '${ref}'`;
      });
    const step = fc.record({ harms: fc.array(harm, { maxLength: 2 }), isStaking: fc.boolean(), isFork: fc.boolean() });

    test('the positions are those of the contract two rounds later, while stakes come and the chain forks', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
          const world = await followTo(extendChain([], { fork: 'c', through: 10, calls: { 5: calls } }), 8);
          const { nodes, service, rows } = world;
          const shared = nodes.chain.length;
          const after = Array.from({ length: 5 }, () => ({ harms: [], isStaking: true, isFork: false }));
          for (const [at, { harms, isStaking, isFork }] of [...steps, ...after].entries()) {
            // A second change to the same key would break the unique index.
            for (const sql of harms) await rows(sql).catch(() => undefined);
            const through = nodes.chain.length;
            const parent = isFork && through > shared ? nodes.chain.slice(0, -1) : nodes.chain;
            const staked = parent.flatMap(({ logs }) => logs).length - calls.length;
            const stake = { stake: 5n, index: BigInt(OWNED + staked) };
            nodes.chain = extendChain(parent, {
              fork: `${at}`,
              through,
              calls: isStaking ? { [through]: [stake] } : {},
            });
            await service.reconcile();
          }
          expect(await world.positions()).toEqual(nodes.positions());
          expect(world.writer.state.positions).toBe(nodes.positions().length);
          // Whether its owner's or nobody's.
          const [counted] = await rows(
            'select count(*) as number from stakes where amount_raw > 0 or not reward_claimed',
          );
          expect(Number(counted?.['number'])).toBe(nodes.positions().length);
        }),
        { numRuns: driver === 'sqlite' ? 30 : 5 },
      );
    });
  });

  describe('a stored log of a block that the chain does not have', () => {
    /** As a server before this one left it: the log of the fork that lost, under a cursor of the one that won. */
    const withPhantom = async () => {
      const world = await followTo(common);
      const { blockHash, logIndex, transactionHash } = (losing[12] as TestBlock).logs[0] as TestBlock['logs'][0];
      const phantom: Fact = {
        event: 'Staked',
        effect: 'stake',
        ownerAddress: OWNER,
        positionKey: '1',
        amountRaw: 9n,
        rewardRaw: null,
        stakedAt: 12,
        rewardClaimed: null,
        blockNumber: 12,
        blockHash,
        logIndex,
        txHash: transactionHash,
        blockTime: (losing[12] as TestBlock).timestamp,
      };
      const end = winning[14] as TestBlock;
      await world.writer.applyUnit({ fromBlock: 11, facts: [phantom], end });
      return world;
    };

    test('is orphaned once that is final, its position folded anew, with a row of the audit trail', async () => {
      const world = await withPhantom();
      const { nodes, service, rows, writer } = world;
      nodes.chain = extendChain(common, { fork: 'b', through: 14 });
      nodes.finalizedBlock = 13;
      await service.reconcile();
      expect(await world.positions()).toEqual(nodes.positions());
      expect(await rows('select block_number, status from staking_logs order by block_number')).toEqual([
        { block_number: 5, status: 'applied' },
        { block_number: 12, status: 'orphaned' },
      ]);
      const conflicts = await rows('select position_key, reason, state_after from staking_conflicts');
      expect(conflicts).toEqual([{ position_key: '1', reason: 'row_differed_from_facts', state_after: 'null' }]);
      expect(writer.state).toMatchObject({ stakedTotalRaw: STAKE, positions: 1 });
      const { changes } = await service.reconcileOwner(OWNER);
      expect(Object.values(changes), 'what is left to change').toEqual([0, 0, 0, 0, 0]);
    });

    test('makes way for the log that is there instead', async () => {
      const world = await withPhantom();
      world.nodes.chain = winning;
      world.nodes.finalizedBlock = 13;
      await world.service.reconcileOwner(OWNER);
      expect(await world.positions()).toEqual(world.nodes.positions());
    });

    test('is left alone above finality, where another fork may yet win', async () => {
      const { nodes, service, rows } = await withPhantom();
      nodes.chain = extendChain(common, { fork: 'b', through: 14 });
      const before = await rows('select * from staking_logs');
      await expect(service.reconcile()).rejects.toThrow('the node leaves out a log of block 12');
      expect(await rows('select * from staking_logs')).toEqual(before);
    });
  });
});

/** Answers the first request of its kind from that chain. */
function once(isMeant: (request: TestRequest) => boolean, chain: TestBlock[]): TestNodes['route'] {
  let isOver = false;
  return (request) => {
    if (isOver || !isMeant(request)) return null;
    isOver = true;
    return chain;
  };
}
