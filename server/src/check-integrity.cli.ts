import { existsSync } from 'node:fs';
import { inspect, parseArgs } from 'node:util';
import { loadSettings } from './config/index.ts';
import { type Database, openDatabase, sqlitePath } from './db/index.ts';
import { IntegrityService } from './domains/integrity/index.ts';
import { entities } from './entities.ts';
import { systemClock } from './kernel/clock.ts';
import { AppError, SettingsError } from './kernel/errors.ts';
import { redactUrls } from './kernel/logger.ts';

// `npm run check-integrity`, of one person with `-- --user usr_…`: exit code 0 where everything is sound, 1 where something differs, 2 where it could not be checked.

try {
  const userId = readArguments();
  const { databaseUrl } = loadSettings();
  const database = await openExisting(databaseUrl);
  try {
    process.exitCode = await check(database, userId);
  } finally {
    await database.close();
  }
} catch (error) {
  console.error(
    `finverse: ${redactUrls(error instanceof SettingsError || error instanceof AppError ? error.message : inspect(error))}`,
  );
  process.exitCode = 2;
}

/** The id of the person whose ledger is to be checked; undefined for everybody's. @throws SettingsError for anything else */
function readArguments(): string | undefined {
  try {
    return parseArgs({ options: { user: { type: 'string' } } }).values.user;
  } catch (error) {
    throw new SettingsError(`${(error as Error).message}; there is only --user, with the id of a person`);
  }
}

/** A file that is not there would be made, and an empty ledger found sound. */
async function openExisting(url: string): Promise<Database> {
  if (url.startsWith('sqlite:') && !existsSync(sqlitePath(url))) {
    throw new SettingsError(`DATABASE_URL: there is no ${url}; start the server once, or name another database`);
  }
  return openDatabase({ url, entities });
}

async function check(database: Database, userId: string | undefined): Promise<number> {
  const integrity = new IntegrityService({ database, clock: systemClock });
  let people = 0;
  let entries = 0;
  let differences = 0;
  for (let cursor: string | undefined; ;) {
    const page = await integrity.checkAll({ userId, limit: 20, cursor }, Infinity);
    for (const item of page.items) {
      people += 1;
      entries += item.checked.entries;
      differences += item.differences.length;
      for (const { kind, id, kept, recomputed } of item.differences) {
        console.log(`${item.userId}: ${kind} of ${id}: kept ${kept}, recomputed ${recomputed}`);
      }
    }
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  console.log(`${people} people, ${entries} entries, ${differences} differences`);
  return differences > 0 ? 1 : 0;
}
