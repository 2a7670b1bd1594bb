import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntitySchema } from '@mikro-orm/core';
import { afterEach, describe } from 'vitest';
import { hasMariaDb, type MariaDb, startMariaDb } from '../../../e2e/support/mariadb.ts';
import { entities } from '../entities.ts';
import { type Database, openDatabase } from './orm.ts';
import { copyMigratedSqlite, MigratedDatabases } from './test-migrated.ts';

// Test support: the same tests on SQLite in a file and on a MariaDB server of their own, over both schemes that name one.

export const DRIVERS = ['sqlite', 'mariadb', 'mysql'] as const;
export type Driver = (typeof DRIVERS)[number];

export type TestDatabases = {
  driver: Driver;
  /** The URL of a new, empty database. */
  newUrl(): Promise<string>;
  /** The URL of a database with every migration applied and no rows, the test's own until its end. */
  migratedUrl(): Promise<string>;
  /** Opens a database that is closed after the test; a new, empty one without a URL. */
  open(entities: readonly EntitySchema[], url?: string): Promise<Database>;
  /** Opens a database with every table of the server, closed after the test: that of the URL, or one of {@link migratedUrl}. */
  openMigrated(url?: string): Promise<Database>;
  /** The server, for what only its administrator may do. Not on SQLite. */
  server(): Promise<MariaDb>;
};

/** One server for all test files that run in this process; it ends with the process. */
let serverOfProcess: Promise<{ server: MariaDb; migrated: MigratedDatabases }> | null = null;

function startServer() {
  serverOfProcess ??= startMariaDb().then((server) => ({ server, migrated: new MigratedDatabases(server) }));
  return serverOfProcess;
}

/** Runs the tests once for each driver. Starts the server when the first test asks for it. */
export function describeDrivers(drivers: readonly Driver[], tests: (databases: TestDatabases) => void): void {
  const hasServer = !drivers.some((driver) => driver !== 'sqlite') || hasMariaDb();

  for (const driver of drivers) {
    describe.skipIf(driver !== 'sqlite' && !hasServer)(`on ${driver}`, () => {
      const opened: Database[] = [];
      const files: string[] = [];
      const taken: string[] = [];
      afterEach(async () => {
        await Promise.all(opened.splice(0).map((database) => database.close()));
        for (const file of files.splice(0)) for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
        for (const url of taken.splice(0)) await (await startServer()).migrated.giveBack(url);
      });
      const asDriver = (url: string) => url.replace(/^mariadb:/, `${driver}:`);
      const newFile = () => {
        const file = join(tmpdir(), `finverse-test-${randomUUID()}.sqlite`);
        files.push(file);
        return file;
      };
      const newUrl = async () =>
        driver === 'sqlite' ? `sqlite:${newFile()}` : asDriver(await (await startServer()).server.createDatabase());
      const migratedUrl = async () => {
        if (driver === 'sqlite') {
          const file = newFile();
          await copyMigratedSqlite(file);
          return `sqlite:${file}`;
        }
        const url = await (await startServer()).migrated.take();
        taken.push(url);
        return asDriver(url);
      };
      const open: TestDatabases['open'] = async (opens, url) => {
        const database = await openDatabase({ url: url ?? (await newUrl()), entities: opens });
        opened.push(database);
        return database;
      };
      tests({
        driver,
        newUrl,
        migratedUrl,
        server: async () => (await startServer()).server,
        open,
        openMigrated: async (url) => open(entities, url ?? (await migratedUrl())),
      });
    });
  }
}
