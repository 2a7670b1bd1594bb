import { openDatabase } from '../../db/index.ts';
import { entities } from '../../entities.ts';
import { makeDue } from './recurring.scheduler.ts';

// Test support, run as a process of its own: makes what is due, and is killed at the first statement that begins with a text.

const [url = '', fatal = '', now = ''] = process.argv.slice(2);
const database = await openDatabase({
  url,
  entities,
  onStatement: (sql) => {
    if (sql.startsWith(fatal)) process.kill(process.pid, 'SIGKILL');
  },
});
await makeDue({ database, clock: { now: () => Number(now), monotonic: () => 0 } });
await database.close();
