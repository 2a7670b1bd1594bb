import { existsSync } from 'node:fs';
import { inspect } from 'node:util';
import { loadSettings } from './config/index.ts';
import { type Database, openDatabase, sqlitePath } from './db/index.ts';
import { IntegrityService } from './domains/integrity/index.ts';
import { entities } from './entities.ts';
import { systemClock } from './kernel/clock.ts';
import { SettingsError } from './kernel/errors.ts';
import { redactUrls } from './kernel/logger.ts';

// `npm run check-integrity`: exit code 0 where everything is sound, 1 where something differs, 2 where it could not be checked.

try {
  const { databaseUrl } = loadSettings();
  const database = await openExisting(databaseUrl);
  try {
    process.exitCode = await checkEverybody(database);
  } finally {
    await database.close();
  }
} catch (error) {
  console.error(`finverse: ${redactUrls(error instanceof SettingsError ? error.message : inspect(error))}`);
  process.exitCode = 2;
}

/** A file that is not there would be made, and an empty ledger found sound. */
async function openExisting(url: string): Promise<Database> {
  if (url.startsWith('sqlite:') && !existsSync(sqlitePath(url))) {
    throw new SettingsError(`DATABASE_URL: there is no ${url}; start the server once, or name another database`);
  }
  return openDatabase({ url, entities });
}

async function checkEverybody(database: Database): Promise<number> {
  const integrity = new IntegrityService({ database, clock: systemClock });
  let people = 0;
  let entries = 0;
  let differences = 0;
  for (let cursor: string | undefined; ;) {
    const page = await integrity.checkAll({ limit: 20, cursor }, Infinity);
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
