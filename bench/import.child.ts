/** An import by the service, alone in its process: from the commit of a file that is uploaded to its completion. */
import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { openDatabase, transact } from '../server/src/db/index.ts';
import { entities } from '../server/src/entities.ts';
import { systemClock } from '../server/src/kernel/clock.ts';
import { createLedgerServices } from '../server/src/ledger-services.ts';
import { childTask, finishChild } from './support/child.ts';
import { peakMemoryMb } from './support/memory.ts';

const task = childTask() as { databaseUrl: string; file: string; folder: string; userId: string; accountId: string };
const database = await openDatabase({ url: task.databaseUrl, entities });
const { imports } = createLedgerServices({ database, clock: systemClock, importsFolder: task.folder });
const commit = <Result>(work: Parameters<typeof transact<Result>>[1]) => transact(database, work);
const { userId, accountId } = task;
const { id: fileId } = await imports.upload(() => commit, userId, createReadStream(task.file));
const { id } = await imports.create(commit, userId, { source: 'bench', accountId, fileId, settings: {} });
const startMb = process.memoryUsage.rss() / 2 ** 20;
const cpuAtStart = process.cpuUsage();
const startedAt = performance.now();
await imports.commit(commit, userId, { id, skipFaulty: false, restoreDeleted: false, skipPossibleDuplicates: false });
let state = await imports.status(userId, id);
while (state.status === 'running') {
  await delay(20);
  state = await imports.status(userId, id);
}
const elapsedMs = performance.now() - startedAt;
if (state.status !== 'completed') throw new Error(`the import is ${state.status}: ${state.error?.message}`);
const { user, system } = process.cpuUsage(cpuAtStart);
finishChild({ elapsedMs, startMb, cpuMs: (user + system) / 1000, peakMb: peakMemoryMb() });
