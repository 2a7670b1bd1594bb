import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type Database, transact } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { systemClock } from '../../kernel/clock.ts';
import { ledgerOn } from '../ledger/test-ledger.ts';
import { ImportFiles } from './import-files.ts';
import { changeRun, type Run } from './import-run.ts';
import { ImportRunner } from './import-runner.ts';
import { changeImport, findImport, type ImportChanges } from './imports.repository.ts';
import { expectExact, openWorld, prepare, transactionsOf, type World } from './test-imports.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let world: World;
  let run: Run;
  let folder: string;
  beforeEach(async () => {
    database = await databases.openMigrated();
    folder = await mkdtemp(join(tmpdir(), 'finverse-test-'));
    world = await openWorld(database, ledgerOn(database, systemClock, folder));
    const { id } = await prepare(world, 'date,amount,payee\n2026-01-13,1,a\n2026-01-14,2,b\n');
    const begun = { status: 'running', runHex: 'aaaaaaaaaaaa', runAt: Date.now() } as const;
    await changeImport(database.em(), { id }, begun);
    const record = await findImport(database.em(), { userId: world.userId, id });
    run = { ...record, ...begun } as Run;
  });

  /** A process that runs the import, and goes on as if it were still its own; answers when that has ended. */
  const goOn = async (on: Database = database): Promise<object[]> => {
    const errors: object[] = [];
    const log = { warn: () => undefined, error: (fields: object) => errors.push(fields) };
    const runner = new ImportRunner({ database: on, clock: systemClock, files: new ImportFiles(folder), log });
    runner.start(run);
    await expect.poll(() => runner.activeCount).toBe(0);
    return errors;
  };

  const takeovers: [string, ImportChanges][] = [
    ['is being taken back', { status: 'undoing' }],
    ['was taken back', { status: 'failed' }],
    ['runs anew', { runHex: 'bbbbbbbbbbbb' }],
  ];
  test.each(takeovers)('a process that was taken for dead writes nothing of an import that %s', async (_state, by) => {
    await changeImport(database.em(), { id: run.id }, by);
    const before = await findImport(database.em(), run);
    expect(await goOn()).toEqual([]);
    expect(await findImport(database.em(), run)).toEqual(before);
    expect(await transactionsOf(world)).toEqual([]);
    await expectExact(world);
  });

  test('one whose import nobody has taken over writes all of it', async () => {
    expect(await goOn()).toEqual([]);
    expect(await findImport(database.em(), run)).toMatchObject({ status: 'completed', created: 2 });
  });

  test('one that the database is away from says so to its owner, and leaves nothing', async () => {
    const away = Object.assign(new Error('Too many connections'), { code: 'ER_CON_COUNT_ERROR' });
    let isAway = true;
    const flaky: Database = {
      ...database,
      em: () => {
        const em = database.em();
        const transactional = em.transactional.bind(em);
        em.transactional = async (work, options) => {
          if (!isAway) return transactional(work, options);
          isAway = false;
          throw away;
        };
        return em;
      },
    };
    expect(await goOn(flaky)).toMatchObject([{ err: away }]);
    const told = { status: 'failed', created: 0, errorCode: 'STORAGE_UNAVAILABLE' };
    expect(await findImport(database.em(), run)).toMatchObject(told);
    expect(await transactionsOf(world)).toEqual([]);
  });

  test('one that is undone while its run still tidies up is taken back by the same process', async () => {
    const gate = Promise.withResolvers<void>();
    class HeldFiles extends ImportFiles {
      override async remove(id: string): Promise<void> {
        await gate.promise;
        await super.remove(id);
      }
    }
    const log = { warn: () => undefined, error: () => undefined };
    const runner = new ImportRunner({ database, clock: systemClock, files: new HeldFiles(folder), log });
    const statusOf = async () => (await findImport(database.em(), run))?.status;
    runner.start(run);
    await expect.poll(statusOf).toBe('completed');
    await changeImport(database.em(), { id: run.id }, { status: 'undoing' });
    runner.startUndo(run);
    gate.resolve();
    await expect.poll(() => runner.activeCount).toBe(0);
    expect(await findImport(database.em(), run)).toMatchObject({ status: 'undone', created: 0 });
    expect(await transactionsOf(world)).toEqual([]);
    await expectExact(world);
  });

  test.each(takeovers)('what a run writes of its own progress is not kept where the import %s', async (_state, by) => {
    await changeImport(database.em(), { id: run.id }, by);
    const before = await findImport(database.em(), run);
    const change = transact(database, (em) => changeRun(em, run, 'running', { rowsRead: 7 }));
    await expect(change).rejects.toThrow('a locked import is there, and as it was');
    expect(await findImport(database.em(), run)).toEqual(before);
  });
});
