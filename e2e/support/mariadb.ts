import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const READY_TIMEOUT_MS = 90_000;

export type MariaDb = {
  /** `mariadb://…` of a new, empty database on this server. */
  createDatabase(): Promise<string>;
  /** Runs SQL as root. */
  sql(statement: string): Promise<string>;
  stop(): Promise<void>;
};

/** Where a program stands on PATH or in Debian's sbin; null where it is not installed. */
function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** True where a MariaDB server can be started here. With CI=true its absence is a failure. */
export function hasMariaDb(): boolean {
  const isThere = findProgram('mariadbd') !== null && findProgram('mariadb-install-db') !== null;
  if (!isThere && process.env['CI'] === 'true')
    throw new Error('mariadb-server is not installed, and CI=true allows no part to be left out');
  if (!isThere) console.log('left out: tests on MariaDB (mariadb-server is not installed)');
  return isThere;
}

/** Starts a MariaDB server of its own: free port, temporary folder, nothing shared with one that the machine may run. `serverArguments` come behind its own. */
export async function startMariaDb(serverArguments: readonly string[] = []): Promise<MariaDb> {
  const folder = await mkdtemp(join(tmpdir(), 'finverse-mariadb-'));
  const data = join(folder, 'data');
  const socket = join(folder, 'server.sock');
  const asRoot = userInfo().uid === 0 ? ['--user=root'] : [];
  // A starting server removes the temporary tables that it finds, also those of another one: each needs a place of its own.
  const env = { ...process.env, TMPDIR: folder };
  await run(
    findProgram('mariadb-install-db') as string,
    ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...asRoot],
    { env },
  );
  const port = await freePort();
  const program = findProgram('mariadbd') as string;
  const args = [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--pid-file=${join(folder, 'server.pid')}`,
    '--innodb-buffer-pool-size=256M',
    ...asRoot,
    ...serverArguments,
  ];
  // The shell ends the server when our end of its standard input closes: a test run that ends or is killed takes its server and the folder along.
  const untilClosed =
    'folder=$1; shift; "$@" </dev/null & server=$!; cat >/dev/null; kill -TERM $server; wait $server; rm -rf "$folder"';
  const server = spawn('sh', ['-c', untilClosed, 'sh', folder, program, ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env,
  });
  let stderr = '';
  server.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4000);
  });
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const sql = async (statement: string) => {
    const { stdout } = await run('mariadb', [
      '--no-defaults',
      `--socket=${socket}`,
      '--user=root',
      '--batch',
      '--skip-column-names',
      '-e',
      statement,
    ]);
    return stdout;
  };
  const stop = async () => {
    server.ref();
    server.stdin.end();
    await exited;
  };
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      await sql('select 1');
      break;
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) {
        await stop();
        throw new Error(`mariadbd did not start: ${stderr}`, { cause: error });
      }
      await delay(100);
    }
  }
  // Nobody need stop it: a process that is otherwise done ends.
  server.unref();
  for (const pipe of [server.stdin, server.stderr]) (pipe as Socket).unref();
  await sql("create user 'finverse'@'127.0.0.1' identified by 'finverse'; grant all on *.* to 'finverse'@'127.0.0.1'");
  let databases = 0;
  return {
    createDatabase: async () => {
      databases += 1;
      const name = `finverse_${databases}`;
      await sql(`create database ${name} character set utf8mb4 collate utf8mb4_bin`);
      return `mariadb://finverse:finverse@127.0.0.1:${port}/${name}`;
    },
    sql,
    stop,
  };
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
