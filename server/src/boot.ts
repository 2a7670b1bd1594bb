import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createApp, type FinverseApp } from './app.ts';
import { isLoopbackHost, type Settings } from './config/index.ts';
import { type Database, lockDataFolder, lockSqliteFile, openDatabase } from './db/index.ts';
import { DEMO_EMAIL, demoLogin, type Login } from './demo-login.ts';
import { type AnvilExit, devAccounts, startDevChain } from './devchain/index.ts';
import { AuthService } from './domains/auth/index.ts';
import { folderTransport, Mailer, smtpTransport } from './domains/mail/index.ts';
import { startRecurring } from './domains/recurring/index.ts';
import { StakingService, StakingSink } from './domains/staking/index.ts';
import { UsersService } from './domains/users/index.ts';
import { entities } from './entities.ts';
import { limitRequests } from './http/request-timeouts.ts';
import { keepHouse } from './housekeeping.ts';
import { systemClock } from './kernel/clock.ts';
import { describeError, SettingsError } from './kernel/errors.ts';
import { ledgerErasers } from './ledger-erasers.ts';
import { ledgerExporters } from './ledger-export.ts';
import { createLedgerServices, type LedgerServices } from './ledger-services.ts';
import type { Logger } from './kernel/logger.ts';
import { createSyncEngine, type SyncEngine, type SyncSettings } from './sync/index.ts';
import { registerSyncMetrics } from './sync/metrics.ts';

const VERSION = '0.1.0';
const IDLE_CHECK_MS = 20;

/** What ends a part of the server, and what that is called. */
type Cleanup = [part: string, end: () => Promise<void> | void];

const forever = new Promise<never>(() => undefined);

export type RunningServer = {
  /** Where it listens. */
  url: string;
  /** What runs where, for the person at the terminal. */
  describe: { database: string; chain: string; vaults: string[]; demo: Login | null };
  /** Resolves, once it is logged, when something has ended without which the server is of no use: `stop` it then. */
  failed: Promise<string>;
  /** Stops listening, finishes the work in hand, ends the embedded chain and closes the database. */
  stop(): Promise<void>;
  /** What `stop` waits for at the moment; null where it waits for nothing. */
  stopping(): string | null;
};

type BootOptions = {
  settings: Settings;
  log: Logger;
  progress: (line: string) => void;
  /** Hears of each mail of embedded mode, with its link: for the person at the terminal, who has no other mailbox. */
  announce?: (line: string) => void;
};

/**
 * Composes the whole server and starts it: database, chain, people, engine, HTTP.
 *
 * @throws SettingsError for anything that the operator can mend; what was started until then is stopped again.
 */
export async function bootServer(options: BootOptions): Promise<RunningServer> {
  const { settings, log, progress } = options;
  const cleanups: Cleanup[] = [];
  let isStopping = false;
  let stopping: string | null = null;
  const stop = async () => {
    isStopping = true;
    for (const [part, cleanup] of cleanups.splice(0).toReversed()) {
      stopping = part;
      await Promise.resolve(cleanup()).catch((error: unknown) =>
        log.error({ part, err: error }, 'a part did not stop cleanly'),
      );
    }
    stopping = null;
  };
  if (settings.redisUrl !== null) {
    log.warn('REDIS_URL is set, and this version shares nothing over it: each replica limits and fans out for itself');
  }
  try {
    if (settings.chain === null) cleanups.push(['the lock of the data folder', lockDataFolder(settings.dataDir)]);
    if (settings.databaseUrl.startsWith('sqlite:'))
      cleanups.push(['the lock of the database', lockSqliteFile(settings.databaseUrl)]);
    const [database, chain] = await startBoth(
      openMigrated(settings, progress).then(
        (opened) => (cleanups.push(['the database', () => opened.close()]), opened),
      ),
      openChain(settings, log, progress).then(
        (opened) => (cleanups.push(['the embedded chain', () => opened.stop()]), opened),
      ),
    );
    const failed = chain.exited.then(async ({ wanted, code, signal, stderr }) => {
      if (wanted || isStopping) return forever;
      const reason = `the embedded chain ended although nobody asked (${signal ?? `code ${code}`}${stderr && `, ${stderr}`})`;
      log.error({ part: 'devchain' }, `${reason}; the server stops, and its next start continues`);
      return reason;
    });
    const mailer = openMailer(options, database);
    cleanups.push(['the mailer', () => mailer.stop()]);
    const auth = new AuthService({
      database,
      clock: systemClock,
      isSecureCookie: isSecure(settings),
      mails: mailer,
      registration: settings.registration,
    });
    const ledger = await openLedgerServices(options, database);
    cleanups.push(['imports', () => ledger.imports.close()]);
    const users = new UsersService({
      database,
      clock: systemClock,
      exporters: [...auth.exporters, ...ledgerExporters(ledger)],
      erasers: ledgerErasers(database.dialect),
    });
    const demo = await ensurePeople(settings, auth);
    const engine = await startEngine(database, chain.sync, log);
    chain.markKnown();
    // Before listening, so that it ends after it: streams end with a reason and their clients come back, instead of at the feed's own end.
    cleanups.push(['sync', () => engine.close()]);
    const http = await listen(settings, composeApp({ settings, log, database, auth, users, ledger, engine }), cleanups);
    mailer.start(auth.composeMails(settings.publicUrl ?? http));
    cleanups.push([
      'housekeeping',
      keepHouse({ database, clock: systemClock, log, auth, users, mailer, imports: ledger.imports }),
    ]);
    cleanups.push(['recurring transactions', startRecurring({ database, clock: systemClock, log })]);
    await engine.begin();
    // Only now: a start that fails says why in one line, and nothing else.
    if (settings.mail.smtpUrl === null && !settings.isEmbedded) {
      log.warn({ part: 'mail' }, 'SMTP_URL is not set: mails are written to mail/ in the data folder');
    }
    if (settings.publicUrl === null && (settings.mail.smtpUrl !== null || !isLoopbackHost(settings.host))) {
      log.warn({ part: 'mail' }, `PUBLIC_URL is not set: links in mails begin with ${http}, which nobody else reaches`);
    }
    return {
      url: http,
      describe: {
        database: describeDatabase(settings, database),
        chain: chain.description,
        vaults: describeVaults(engine),
        demo,
      },
      failed,
      stop,
      stopping: () => stopping,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits for both even where one fails, so that what the other has started is known to the clean-up. */
async function startBoth<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

async function openMigrated(settings: Settings, progress: BootOptions['progress']): Promise<Database> {
  progress('opening the database');
  const database = await openDatabase({ url: settings.databaseUrl, entities });
  try {
    await database.migrate();
    return database;
  } catch (error) {
    await database.close();
    throw new SettingsError(`DATABASE_URL: the schema could not be brought up to date: ${describeError(error)}`, {
      cause: error,
    });
  }
}

function openMailer({ settings, log, announce }: BootOptions, database: Database): Mailer {
  const { smtpUrl, from } = settings.mail;
  const folder = join(settings.dataDir, 'mail');
  // Elsewhere a link that takes an account over has no place in a log.
  const tell = (settings.isEmbedded ? announce : undefined) ?? (() => undefined);
  const transport =
    smtpUrl === null ? folderTransport({ folder, announce: tell }) : smtpTransport({ url: smtpUrl, from });
  return new Mailer({ database, clock: systemClock, log, transport });
}

/** The ledger's services, once nothing is left of imports that an earlier process could not finish. */
async function openLedgerServices(
  { settings, log, progress }: BootOptions,
  database: Database,
): Promise<LedgerServices> {
  const importsFolder = join(settings.dataDir, 'imports');
  const ledger = createLedgerServices({ database, clock: systemClock, importsFolder, log });
  progress('looking for imports that were interrupted');
  // On SQLite the file's lock says that nobody else can be at work.
  await ledger.imports.recover({ isAlone: database.dialect === 'sqlite' });
  return ledger;
}

type OpenChain = {
  sync: SyncSettings;
  description: string;
  exited: Promise<AnvilExit>;
  /** To be called when the database holds nothing of a chain before this one. */
  markKnown(): void;
  stop(): Promise<void>;
};

async function openChain(settings: Settings, log: Logger, progress: BootOptions['progress']): Promise<OpenChain> {
  const { syncIntervalSeconds: intervalSeconds, syncAutostart: autostart } = settings;
  if (settings.chain) {
    const { rpcUrls, wsUrls, chainId, vaults } = settings.chain;
    return {
      sync: { rpcUrls, wsUrls, chainId, vaults, isChainFresh: false, intervalSeconds, autostart },
      description: `${rpcUrls.length} RPC endpoint(s), ${wsUrls.length > 0 ? 'heads over WebSocket' : 'heads polled'}`,
      exited: forever,
      markKnown: () => undefined,
      stop: async () => undefined,
    };
  }
  progress('starting the embedded chain');
  const chain = await startDevChain({
    dataDir: settings.dataDir,
    now: systemClock.now,
    log: (message) => log.info({ part: 'devchain' }, message),
  });
  const vault = {
    kind: 'stake-vault',
    address: lower(chain.stakeVaultAddress),
    tokenAddress: lower(chain.tokenAddress),
    startBlock: 0,
  };
  return {
    sync: {
      rpcUrls: [chain.rpcUrl],
      wsUrls: [chain.wsUrl],
      chainId: chain.chainId,
      vaults: [vault],
      isChainFresh: chain.fresh,
      intervalSeconds,
      autostart,
    },
    description: `embedded, chain id ${chain.chainId}, RPC at ${chain.rpcUrl}`,
    exited: chain.exited,
    markKnown: () => chain.markKnown(),
    stop: () => chain.stop(),
  };
}

function lower(address: string): `0x${string}` {
  return address.toLowerCase() as `0x${string}`;
}

/** The operator of the settings, and in embedded mode the demo person. Answers the demo login where there is one. */
async function ensurePeople(settings: Settings, auth: AuthService): Promise<Login | null> {
  if (settings.operator?.email.trim().toLowerCase() === DEMO_EMAIL) {
    throw new SettingsError(`OPERATOR_EMAIL: ${DEMO_EMAIL} is the demo login's; use another`);
  }
  // First, so that a folder that embedded mode has left behind brings no admin with a password in a file.
  if (!settings.isEmbedded) await auth.retireDemo(DEMO_EMAIL);
  const operator = settings.operator && (await auth.ensureUser({ ...settings.operator, role: 'admin' }));
  let demo: Login | null = null;
  if (settings.isEmbedded) {
    demo = demoLogin(settings.dataDir);
    const watchedAddresses = devAccounts.slice(1, 2).map(({ address }) => lower(address));
    await auth.ensureDemo({ ...demo, role: operator ? 'user' : 'admin', watchedAddresses });
  }
  if (await auth.hasAdmin()) return demo;
  // Whoever has registered with that address is not made an admin by it.
  if (operator)
    throw new SettingsError(
      `OPERATOR_EMAIL: ${operator.email} is an ordinary account here, or about to be deleted, and there is no admin; name another`,
    );
  throw new SettingsError('OPERATOR_EMAIL, OPERATOR_PASSWORD: there is no admin yet; set both to make the first one');
}

type Engine = SyncEngine & { staking: StakingService };

async function startEngine(database: Database, settings: SyncSettings, log: Logger): Promise<Engine> {
  const services = new Map<string, SyncEngine['services'][number]>();
  const staking = new StakingService(database, {
    verifiedBlockOf: (vaultId, position) => services.get(vaultId)?.verifiedBlockOf(position) ?? null,
    isSynced: (vaultId) => services.has(vaultId),
  });
  const sink = new StakingSink(database.dialect, systemClock);
  const engine = await createSyncEngine({ database, settings, sink, readModel: staking, clock: systemClock, log });
  for (const service of engine.services) services.set(service.writer.vault.id, service);
  return { ...engine, staking };
}

type AppParts = {
  settings: Settings;
  log: Logger;
  database: Database;
  auth: AuthService;
  users: UsersService;
  ledger: LedgerServices;
  engine: Engine;
};

function composeApp({ settings, log, database, auth, users, ledger, engine }: AppParts): FinverseApp {
  const metrics = new Registry();
  registerSyncMetrics(metrics, engine);
  return createApp({
    services: {
      ...ledger,
      auth,
      users,
      sync: engine.api,
      staking: engine.staking,
    },
    database,
    clock: systemClock,
    logger: log,
    metrics,
    settings: {
      embedded: settings.isEmbedded,
      publicUrl: settings.publicUrl ?? undefined,
      trustedProxies: settings.trustedProxies ?? undefined,
      rateLimitScale: settings.rateLimitScale,
      version: VERSION,
      isSecureCookie: isSecure(settings),
    },
  });
}

/** Browsers come over https wherever the outside address says so, or the server is not on loopback. */
function isSecure({ publicUrl, isEmbedded }: Settings): boolean {
  return publicUrl === null ? !isEmbedded : publicUrl.startsWith('https:');
}

async function listen(
  { host, port }: Settings,
  { app, beginShutdown }: FinverseApp,
  cleanups: Cleanup[],
): Promise<string> {
  const server = createServer(app);
  limitRequests(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      const fault = isTaken
        ? `port ${port} of ${host} is in use; set another PORT, or stop what listens there`
        : describeError(error);
      reject(new SettingsError(`${isTaken || error.code === 'EACCES' ? 'PORT' : 'HOST'}: ${fault}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  cleanups.push([
    'requests',
    async () => {
      beginShutdown();
      await closeServer(server);
    },
  ]);
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Lets requests in hand finish, up to five seconds. */
async function closeServer(server: Server): Promise<void> {
  const force = setTimeout(() => server.closeAllConnections(), 5_000);
  // Clients of ended streams return at once over the connection that they have; each answer leaves it idle.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearInterval(idle);
  clearTimeout(force);
}

function describeDatabase(settings: Settings, { dialect }: Database): string {
  return dialect === 'sqlite' ? `SQLite, ${settings.databaseUrl.slice('sqlite:'.length)}` : `MySQL-compatible server`;
}

function describeVaults({ vaults }: Engine): string[] {
  return vaults.map(
    ({ kind, address, tokenAddress, chainId }) => `${kind} ${address} on chain ${chainId}, token ${tokenAddress}`,
  );
}
