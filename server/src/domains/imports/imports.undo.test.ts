import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { balance, expectExact, importFile, openWorld, prepare, transactionsOf, type World } from './test-imports.ts';

const rowsOf = (count: number, amount: string) => Array.from({ length: count }, () => `2026-01-03,${amount},p`);
const fileOf = (...rows: string[]) => ['date,amount,payee', ...rows, ''].join('\n');

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
  });

  /** An account with that balance, and an import that came to its end, as it is where its taking back has begun. */
  const undoing = async (openingBalance: string, rows: readonly string[]): Promise<World & { id: string }> => {
    const world = await openWorld(database, ledger, { openingBalance });
    const { id } = await importFile(world, fileOf(...rows));
    await beginUndo(id);
    return { ...world, id };
  };
  const beginUndo = (id: string) =>
    database
      .em()
      .execute(`update imports set status = 'undoing', error_code = 'IMPORT_INTERRUPTED', beat_at = 0 where id = ?`, [
        id,
      ]);
  const restart = async (world: World) => {
    const next = ledgerOn(database);
    await next.imports.recover({ isAlone: databases.driver === 'sqlite' });
    return { ...world, ledger: next };
  };
  const earn = ({ userId, accountId }: World, amount: string, kind: 'income' | 'expense' = 'income') =>
    ledger.transactions.create(
      ledger.commit,
      userId,
      draft({ kind, accountId, amount, currency: 'EUR', occurredOn: '2026-02-01' }),
    );

  test('one is taken back through balances that have been, whatever its rows add up to in between', async () => {
    const world = await openWorld(database, ledger, { openingBalance: '-5000000000' });
    const rows = [...rowsOf(1000, '9000000'), ...rowsOf(1000, '-9000000'), ...rowsOf(4000, '1'), '2026-99-03,1,p'];
    expect(await importFile(world, fileOf(...rows))).toMatchObject({
      status: 'failed',
      created: 0,
      error: { code: 'IMPORT_FAULTY' },
    });
    expect(await balance(world)).toBe('-5000000000.00000000');
    expect(await transactionsOf(world)).toHaveLength(1);
    await expectExact(world);
  }, 120_000);

  test('where money moved meanwhile so that no step fits, the rest is taken back in one', async () => {
    const world = await undoing('0', [...rowsOf(2000, '4500000'), ...rowsOf(2000, '-4500000')]);
    await earn(world, '5000000000');
    const next = await restart(world);
    expect(await next.ledger.imports.status(world.userId, world.id)).toMatchObject({ status: 'failed', created: 0 });
    expect(await balance(next)).toBe('5000000000.00000000');
    await expectExact(next);
  }, 120_000);

  test('one that cannot be taken back yet says so, keeps no start and no other import waiting, and is tried again', async () => {
    const stuck = await undoing('9000000000', rowsOf(2, '-2500000000'));
    const other = await undoing('0', rowsOf(2, '1'));
    await earn(stuck, '5000000000');
    const next = await restart(stuck);
    const found = await next.ledger.imports.status(stuck.userId, stuck.id);
    expect(found).toMatchObject({ status: 'undoing', created: 2, error: { code: 'IMPORT_INTERRUPTED' } });
    expect(found.error?.message).toContain('ten digits');
    expect(await ledger.imports.status(other.userId, other.id)).toMatchObject({ status: 'failed', created: 0 });
    await next.ledger.imports.maintain();
    await expectExact(stuck);
    await earn(stuck, '5000000000', 'expense');
    const last = await restart(stuck);
    expect(await last.ledger.imports.status(stuck.userId, stuck.id)).toMatchObject({ status: 'failed', created: 0 });
    expect(await balance(stuck)).toBe('9000000000.00000000');
    await expectExact(stuck);
  });

  test('what is reconciled with a statement is not taken back: the import says so and waits until it is reopened', async () => {
    const world = await openWorld(database, ledger);
    const { id } = await importFile(world, fileOf(...rowsOf(2, '1')));
    const { commit, reconciliations } = ledger;
    const statement = { accountId: world.accountId, statementDate: '2026-01-31', statementBalance: '2' };
    const { id: reconciliationId } = await reconciliations.start(commit, world.userId, statement);
    await reconciliations.clearAll(commit, world.userId, { id: reconciliationId });
    await reconciliations.finish(commit, world.userId, { id: reconciliationId });
    await beginUndo(id);
    const next = await restart(world);
    const waiting = await next.ledger.imports.status(world.userId, id);
    expect(waiting).toMatchObject({ status: 'undoing', created: 2 });
    expect(waiting.error?.message).toContain('is locked by');
    expect((await transactionsOf(world)).map(({ cleared }) => cleared)).toEqual(['reconciled', 'reconciled']);
    await expectExact(world);
    await reconciliations.reopen(commit, world.userId, reconciliationId);
    const last = await restart(world);
    expect(await last.ledger.imports.status(world.userId, id)).toMatchObject({ status: 'failed', created: 0 });
    expect(await transactionsOf(world)).toEqual([]);
    await expectExact(world);
  });

  test('a replica whose clock is ahead takes no run away that goes on elsewhere, and one of a dead process in the end', async () => {
    const world = await openWorld(database, ledger);
    const { id } = await importFile(world, fileOf(...rowsOf(2, '1')));
    await database.em().execute(`update imports set status = 'running', beat_at = ? where id = ?`, [Date.now(), id]);
    let aheadMs = 3_600_000;
    const other = ledgerOn(database, {
      now: () => Date.now() + aheadMs,
      monotonic: () => performance.now() + aheadMs,
    });
    await other.imports.maintain();
    expect(await ledger.imports.status(world.userId, id)).toMatchObject({ status: 'running' });
    aheadMs += 11_000;
    await database.em().execute('update imports set beat_at = beat_at + 1 where id = ?', [id]);
    await other.imports.maintain();
    expect(await ledger.imports.status(world.userId, id)).toMatchObject({ status: 'running' });
    aheadMs += 11_000;
    await other.imports.maintain();
    expect(await ledger.imports.status(world.userId, id)).toMatchObject({ status: 'failed', created: 0 });
    await expectExact(world);
  });

  test('one that is taken back by a process whose clock was ahead is another’s once that one gives no sign of life', async () => {
    const { userId, id } = await undoing('0', rowsOf(2, '1'));
    await database.em().execute('update imports set beat_at = ? where id = ?', [Date.now() + 3_600_000, id]);
    let passedMs = 0;
    const other = ledgerOn(database, { now: () => Date.now(), monotonic: () => performance.now() + passedMs });
    await other.imports.maintain();
    expect(await ledger.imports.status(userId, id)).toMatchObject({ status: 'undoing' });
    passedMs = 11_000;
    await other.imports.maintain();
    expect(await ledger.imports.status(userId, id)).toMatchObject({ status: 'failed', created: 0 });
  });

  test('a run that gave a sign of life while a start took another one back is judged by it', async () => {
    const worlds = [await undoing('0', rowsOf(2, '1')), await undoing('0', rowsOf(2, '1'))];
    await database.em().execute(`update imports set status = 'running'`);
    const isWatching = Promise.withResolvers<void>();
    let looks = 0;
    let stepMs = 0;
    let nowMs = 0;
    const monotonic = () => {
      looks += 1;
      if (looks === worlds.length) isWatching.resolve();
      return (nowMs += stepMs);
    };
    const starting = ledgerOn(database, { now: () => Date.now(), monotonic }).imports.recover({ isAlone: false });
    await isWatching.promise;
    await database.em().execute('update imports set beat_at = 1 where id = ?', [worlds[1]?.id]);
    stepMs = 11_000;
    await starting;
    for (const { userId, id } of worlds)
      expect(await ledger.imports.status(userId, id)).toMatchObject({ status: 'failed', created: 0 });
  });

  test('two replicas that start at once both start, and take a run back once', async () => {
    const worlds = [await undoing('0', rowsOf(4000, '1')), await undoing('0', rowsOf(4000, '1'))];
    await Promise.all([...worlds, ...worlds].map(restart));
    for (const world of worlds) {
      expect(await ledger.imports.status(world.userId, world.id)).toMatchObject({ status: 'failed', created: 0 });
      await expectExact(world);
    }
  }, 60_000);

  test('one that was cancelled and had to wait is cancelled in the end', async () => {
    const world = await undoing('9000000000', rowsOf(2, '-2500000000'));
    await database
      .em()
      .execute('update imports set error_code = null, is_cancel_requested = ? where id = ?', [true, world.id]);
    await earn(world, '5000000000');
    const next = await restart(world);
    expect(await next.ledger.imports.status(world.userId, world.id)).toMatchObject({
      status: 'undoing',
      error: { code: 'IMPORT_NOT_UNDONE' },
    });
    await earn(world, '5000000000', 'expense');
    const last = await restart(world);
    expect(await last.ledger.imports.status(world.userId, world.id)).toMatchObject({
      status: 'cancelled',
      error: null,
    });
    expect((await prepare(world, fileOf(...rowsOf(1, '1')))).status).toBe('ready');
  });
});
