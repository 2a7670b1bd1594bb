import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntitySchema } from '@mikro-orm/core';
import { afterAll, afterEach, describe } from 'vitest';
import { hasMariaDb, type MariaDb, startMariaDb } from '../../../e2e/support/mariadb.ts';
import { type Database, openDatabase } from './orm.ts';

// Test support: the same tests on SQLite in a file and on a MariaDB server of their own, over both schemes that name one.

export const DRIVERS = ['sqlite', 'mariadb', 'mysql'] as const;
export type Driver = (typeof DRIVERS)[number];

export type TestDatabases = {
  driver: Driver;
  /** The URL of a new, empty database. */
  newUrl(): Promise<string>;
  /** Opens a database that is closed after the test; a new, empty one without a URL. */
  open(entities: readonly EntitySchema[], url?: string): Promise<Database>;
  /** The server, for what only its administrator may do. Not on SQLite. */
  server(): Promise<MariaDb>;
};

/** Runs the tests once for each driver. Starts the server when the first test asks for it, and stops it after the last of the file. */
export function describeDrivers(drivers: readonly Driver[], tests: (databases: TestDatabases) => void): void {
  const hasServer = !drivers.some((driver) => driver !== 'sqlite') || hasMariaDb();
  let starting: Promise<MariaDb> | null = null;
  const server = () => (starting ??= startMariaDb());
  afterAll(async () => (await starting)?.stop());

  for (const driver of drivers) {
    describe.skipIf(driver !== 'sqlite' && !hasServer)(`on ${driver}`, () => {
      const opened: Database[] = [];
      const files: string[] = [];
      afterEach(async () => {
        await Promise.all(opened.splice(0).map((database) => database.close()));
        for (const file of files.splice(0)) for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
      });
      const newUrl = async () => {
        if (driver !== 'sqlite') return (await (await server()).createDatabase()).replace(/^mariadb:/, `${driver}:`);
        const file = join(tmpdir(), `finverse-test-${randomUUID()}.sqlite`);
        files.push(file);
        return `sqlite:${file}`;
      };
      tests({
        driver,
        newUrl,
        server,
        open: async (entities, url) => {
          const database = await openDatabase({ url: url ?? (await newUrl()), entities });
          opened.push(database);
          return database;
        },
      });
    });
  }
}
