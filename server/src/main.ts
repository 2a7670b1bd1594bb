import { inspect } from 'node:util';
import { bootServer, type RunningServer } from './boot.ts';
import { loadSettings, type Settings } from './config/index.ts';
import { SettingsError } from './kernel/errors.ts';
import { createLogger, redactUrls } from './kernel/logger.ts';

const SHUTDOWN_SECONDS_MAX = 20;

try {
  const settings = loadSettings();
  const log = createLogger({ level: settings.logLevel });
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'));
  const booted = Promise.withResolvers<RunningServer>();
  let isStopping = false;
  let stopping = (): string | null => null;
  const stop = (reason: string, exitCode = 0) => {
    if (isStopping) return;
    isStopping = true;
    console.log(`  ${reason}: finishing the work in hand …`);
    setTimeout(() => {
      console.error(
        `finverse: ${stopping() ?? 'the start'} did not end within ${SHUTDOWN_SECONDS_MAX} seconds; the rest is given up`,
      );
      process.exit(1);
    }, SHUTDOWN_SECONDS_MAX * 1000).unref();
    // What is still starting is let start first, so that everything it began is known and ended. A start that fails says so itself, below.
    void booted.promise.then((server) => server.stop()).then(() => process.exit(exitCode));
  };
  // From the beginning: a server that answers must already know how to end.
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('SIGTERM', () => stop('SIGTERM'));
  const server = await bootServer({
    settings,
    log,
    progress: (line) => console.log(`  ${line} …`),
    announce: (line) => console.log(`  ${line}`),
  });
  stopping = () => server.stopping();
  booted.resolve(server);
  if (!isStopping) console.log(banner(settings, server));
  void server.failed.then((reason) => stop(reason, 1));
} catch (error) {
  const isForOperator = error instanceof SettingsError;
  // Whatever it quotes, an address with a key in it stays inside.
  console.error(`finverse: ${redactUrls(isForOperator ? error.message : inspect(error))}`);
  process.exit(1);
}

function banner(settings: Settings, { url, describe }: RunningServer): string {
  const api = `${url}/api/v1`;
  const lines = [
    '',
    `FinVerse listens on ${url}`,
    `  database  ${describe.database}`,
    `  chain     ${describe.chain}`,
    ...describe.vaults.map((vault) => `  vault     ${vault}`),
    `  docs      ${api}/docs`,
    ...(describe.demo ? [`  demo      ${describe.demo.email} / ${describe.demo.password}`] : []),
    '',
  ];
  if (!settings.isEmbedded) return lines.join('\n');
  return [
    ...lines,
    'Try:',
    `  curl "${api}/sync/status"`,
    `  curl "${api}/staking/positions?owner_address=0x70997970C51812dc3A010C7d01b50e0d17dc79C8"`,
    `  curl -N "${api}/sync/live"`,
    '',
    '  import { createFinverseClient } from "@finverse/client";',
    `  const finverse = createFinverseClient({ url: "${url}" });`,
    '  await finverse.sync.status.query();',
    '',
  ].join('\n');
}
