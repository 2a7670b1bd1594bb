/**
 * Block mined → row committed → event at a subscriber → position read through REST, through a server in a process of its own, over WebSocket.
 *
 *   --samples N   of each (default 100)
 *
 * Zero is the moment at which a bare WebSocket subscriber in this process hears of the block. Each sample is of one kind, so that one look does not slow the
 * other: for the row the database is asked about every millisecond, so that figure is up to a millisecond too high; the subscriber reads the live feed over
 * plain HTTP; REST is asked once, when the event has come, since asking all the time would keep the server from its work. Every sample is the first stake of
 * another owner. The baseline does the least possible on the same chain and the same kind of database: half of its samples before the server runs, half after.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeFunctionData, parseEther } from 'viem';
import { deployDevContracts } from '../server/src/devchain/index.ts';
import { stakeVaultAbi } from '../shared/src/abi/stake-vault.ts';
import { type BenchAnvil, startBenchAnvil } from './support/anvil.ts';
import { type BareConnection, connectBare, type DatabaseKind, startDatabases } from './support/databases.ts';
import { watchHeads } from './support/heads.ts';
import { describeMachine } from './support/machine.ts';
import { type Hex, rpc, toQuantity } from './support/rpc.ts';
import { type BenchServer, startServer } from './support/server.ts';
import { format, percentile, printTable } from './support/stats.ts';
import { fundOwners, vaultAddress } from './support/vault-chain.ts';

const SAMPLE_TIMEOUT_MS = 10_000;
const LOOK_MS = 1;
const PAUSE_MS = 20;
const WARM_UP = 10;

const { values: options } = parseArgs({ options: { samples: { type: 'string', default: '100' } } });
const samples = Number(options.samples);
const agent = new Agent({ keepAlive: true });
const stakeData = encodeFunctionData({ abi: stakeVaultAbi, functionName: 'stake', args: [parseEther('1')] });

/** Answers when it has seen the stake of that owner. */
type Look = (owner: Hex) => Promise<unknown>;

console.log(`Latency, ${samples} samples each\n${describeMachine()}`);
const databases = await startDatabases();
const rows: string[][] = [];
for (const kind of databases.kinds) rows.push(...(await measure(kind)));
await databases.stop();
printTable(['database', 'block heard of →', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'p50 over the baseline'], rows);

async function measure(kind: DatabaseKind): Promise<string[][]> {
  const chain = await startBenchAnvil(['--accounts', String(4 * samples + 5 * WARM_UP + 1)]);
  const owners = await prepareChain(chain);
  const sampler = await openSampler(chain);
  const take = async (look: Look) => sampler.take(owners.shift() as Hex, look);

  const bareUrl = await databases.create(kind);
  const bare = await connectBare(bareUrl);
  await bare.run(
    'create table bare_rows (owner varchar(42) primary key, amount varchar(78) not null, tx_hash varchar(66) not null)',
  );
  const lookBare: Look = (owner) => lookForRow(bare, 'select 1 as found from bare_rows where owner = ?', owner);
  const baseline: number[] = [];
  const sampleBaseline = async (count: number) => {
    const child = await startBaseline({ databaseUrl: bareUrl, rpcUrl: chain.rpcUrl, wsUrl: chain.wsUrl });
    for (let i = 0; i < WARM_UP; i += 1) await take(lookBare);
    for (let i = 0; i < count; i += 1) baseline.push(await take(lookBare));
    child.disconnect();
    await once(child, 'exit');
  };

  await sampleBaseline(Math.floor(samples / 2));
  const databaseUrl = await databases.create(kind);
  const server = await startServer({ databaseUrl, rpcUrl: chain.rpcUrl, wsUrl: chain.wsUrl });
  const database = await connectBare(databaseUrl);
  const subscriber = await subscribe(server);
  const kinds: { name: string; look: Look; times: number[] }[] = [
    {
      name: 'row committed',
      look: (owner) => lookForRow(database, 'select 1 as found from stakes where owner_address = ?', owner),
      times: [],
    },
    { name: 'event at a subscriber', look: (owner) => subscriber.hears(owner), times: [] },
    {
      name: 'position read through REST',
      look: (owner) => subscriber.hears(owner).then(() => readThroughRest(server, owner)),
      times: [],
    },
  ];
  for (let i = 0; i < WARM_UP; i += 1) for (const { look } of kinds) await take(look);
  for (let i = 0; i < samples; i += 1) {
    for (const { look, times } of kinds) times.push(await take(look));
  }
  subscriber.close();
  await checkRows(database, 3 * samples);
  await database.close();
  await server.stop();
  await sampleBaseline(Math.ceil(samples / 2));
  await bare.close();
  sampler.close();
  await chain.stop();
  const floor = percentile(baseline, 0.5);
  return [{ name: 'baseline: row committed', times: baseline }, ...kinds].map(({ name, times }) => [
    kind,
    name,
    ...[0.5, 0.95, 0.99, 1].map((share) => format(percentile(times, share), 1)),
    format(percentile(times, 0.5) / floor, 1),
  ]);
}

/** Owners with tokens, ready to stake, one after the other. */
async function prepareChain({ rpcUrl }: BenchAnvil): Promise<Hex[]> {
  await deployDevContracts(rpcUrl);
  const [deployer, ...owners] = (await rpc<Hex[]>(rpcUrl, 'eth_accounts')) as [Hex, ...Hex[]];
  await rpc(rpcUrl, 'evm_setAutomine', [false]);
  await fundOwners(rpcUrl, deployer, owners);
  await rpc(rpcUrl, 'evm_setAutomine', [true]);
  return owners.map((owner) => owner.toLowerCase() as Hex);
}

/** Stakes, hears of the block by itself, and takes the time from then until the look has seen the stake. */
async function openSampler({ rpcUrl, wsUrl }: BenchAnvil) {
  let heard = Promise.withResolvers<number>();
  const close = await watchHeads(wsUrl, () => heard.resolve(performance.now()));
  const take = async (owner: Hex, look: Look): Promise<number> => {
    await delay(PAUSE_MS + Math.random() * PAUSE_MS);
    heard = Promise.withResolvers<number>();
    const transaction = { from: owner, to: vaultAddress, data: stakeData, gas: toQuantity(400_000) };
    const seen = heard.promise.then(() => look(owner)).then(() => performance.now());
    const sent = rpc(rpcUrl, 'eth_sendTransaction', [transaction]);
    const timeout = AbortSignal.timeout(SAMPLE_TIMEOUT_MS);
    const late = once(timeout, 'abort').then(() => Promise.reject(new Error(`the stake of ${owner} was not seen`)));
    const seenAt = await Promise.race([seen, late]);
    await sent;
    return Math.max(0, seenAt - (await heard.promise));
  };
  return { take, close };
}

async function startBaseline(task: { databaseUrl: string; rpcUrl: string; wsUrl: string }) {
  const child = fork(fileURLToPath(new URL('latency-baseline.child.ts', import.meta.url)), [JSON.stringify(task)]);
  await once(child, 'message');
  return child;
}

async function lookForRow(connection: BareConnection, sql: string, owner: Hex): Promise<void> {
  while ((await connection.rows(sql, [owner])).length === 0) await delay(LOOK_MS);
}

/** One request, as a frontend sends it when it has heard the event. It must see the stake at once: an event before its row would be a defect. */
async function readThroughRest({ url, token }: BenchServer, owner: Hex): Promise<void> {
  const { items } = await fetchJson<{ items: unknown[] }>(
    `${url}/api/v1/staking/positions?owner_address=${owner}`,
    token,
  );
  if (items.length !== 1) throw new Error(`REST answers ${items.length} positions of ${owner} after the event`);
}

function fetchJson<Body>(url: string, token: string): Promise<Body> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(JSON.parse(text) as Body)
          : reject(new Error(`${url}: ${response.statusCode} ${text}`)),
      );
    }).on('error', reject);
  });
}

/** A subscriber of the live feed over plain HTTP. */
async function subscribe({ url, token }: BenchServer) {
  const request = get(`${url}/api/v1/sync/live`, {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
  });
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  if (response.statusCode !== 200) throw new Error(`the live feed answers ${response.statusCode}`);
  let text = '';
  let news = Promise.withResolvers<void>();
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text = (text + chunk).slice(-100_000);
    news.resolve();
    news = Promise.withResolvers<void>();
  });
  return {
    hears: async (owner: Hex) => {
      while (!text.includes(owner)) await news.promise;
    },
    close: () => request.destroy(),
  };
}

async function checkRows(database: BareConnection, atLeast: number): Promise<void> {
  const [row] = await database.rows<{ count: number }>('select count(*) as count from stakes where position_key = ?', [
    '0',
  ]);
  if ((row?.count ?? 0) < atLeast) throw new Error(`only ${row?.count} stakes were stored`);
}
