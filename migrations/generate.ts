/**
 * Writes the next migration of both dialects from the entities: `node_modules/.bin/node migrations/generate.ts NAME`.
 * The snapshot beside the migrations says what the last one reached; MySQL's is written against a server named by MIGRATIONS_DATABASE_URL.
 */
import { entities } from '../server/src/entities.ts';
import { openDatabase } from '../server/src/db/index.ts';

const [name = 'change'] = process.argv.slice(2);
const serverUrl = process.env['MIGRATIONS_DATABASE_URL'];

for (const url of ['sqlite::memory:', ...(serverUrl ? [serverUrl] : [])]) {
  const database = await openDatabase({ url, entities });
  const { fileName } = await database.orm.migrator.create(undefined, false, false, name);
  console.log(`${database.dialect}: ${fileName || 'nothing to migrate'}`);
  await database.close();
}
if (!serverUrl) console.log('MIGRATIONS_DATABASE_URL is not set: no MySQL migration was written');
