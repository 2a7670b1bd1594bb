import { createServer, type RequestListener } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootServer, type RunningServer } from '../../server/src/boot.ts';
import { parseSettings } from '../../server/src/config/settings.ts';
import { devAccounts, devActions } from '../../server/src/devchain/index.ts';
import { createLogger } from '../../server/src/kernel/logger.ts';

/** A real server in embedded mode, with a chain and a data folder of its own. */
export type TestServer = {
  url: string;
  demo: { email: string; password: string };
  /** Stakes as an account of the development chain and answers the transaction's hash. */
  stake(amount: bigint): Promise<string>;
  stop(): Promise<void>;
  /** Starts it again at the same address, on the same data. */
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** The account that `stake` acts as. */
export const STAKER = devAccounts[2]!.address;

export async function startServer(): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'finverse-sdk-'));
  const port = await freePort();
  const settings = parseSettings({
    PORT: String(port),
    FINVERSE_DATA_DIR: dataDir,
    LOG_LEVEL: 'silent',
    SYNC_INTERVAL_SECONDS: '1',
  });
  const boot = () => bootServer({ settings, log: createLogger({ level: 'silent' }), progress: () => undefined });
  let server: RunningServer | null = await boot();
  const stop = async () => {
    await server?.stop();
    server = null;
  };

  return {
    url: server.url,
    demo: server.describe.demo!,
    stop,
    async start() {
      server ??= await boot();
    },
    async stake(amount) {
      const rpcUrl = /RPC at (\S+)/.exec(server!.describe.chain)![1]!;
      const receipt = await devActions.stake({ rpcUrl, account: STAKER, amount });
      return receipt.transactionHash;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** An HTTP server that answers everything by `answer`, for what no FinVerse server does. */
export async function startStub(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
