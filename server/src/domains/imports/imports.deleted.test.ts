import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import {
  balance,
  commitToEnd,
  expectExact,
  importFile,
  openWorld,
  prepare,
  preview,
  transactionsOf,
  type World,
} from './test-imports.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let world: World;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    world = await openWorld(database, ledger);
  });

  const remove = async (payee: string) => {
    const found = (await transactionsOf(world)).find((each) => each.payee === payee);
    await ledger.transactions.remove(ledger.commit, world.userId, found?.id ?? '');
  };
  const files = {
    'by what it says': 'date,amount,payee\n2026-01-01,-5,Baker\n2026-01-02,-6,Shop\n',
    'by its id': 'id,date,amount,payee\n1,2026-01-01,-5,Baker\n2,2026-01-02,-6,Shop\n',
  };

  test.each(Object.entries(files))(
    'what a person has deleted comes back with no overlapping file, where it is known %s',
    async (_how, file) => {
      expect(await importFile(world, file)).toMatchObject({ created: 2 });
      await remove('Baker');
      const made = await prepare(world, file);
      const seen = await preview(world, made.id);
      expect(seen.counts).toEqual({ read: 2, new: 0, duplicate: 2, faulty: 0, deleted: 1, possibleDuplicates: 0 });
      expect(seen.rows).toMatchObject([
        { outcome: 'duplicate', isDeleted: true, transaction: null },
        { outcome: 'duplicate', isDeleted: false },
      ]);
      const warnings = [expect.stringContaining('1 of the duplicates are of transactions that were deleted')];
      expect(seen.warnings).toEqual(warnings);
      expect(await commitToEnd(world, made.id)).toMatchObject({ created: 0, duplicates: 2, warnings });
      expect(await balance(world)).toBe('-6.00000000');
      // Where the same row comes from elsewhere, nothing is known of it.
      expect(await importFile(world, file, { source: 'other' })).toMatchObject({ created: 2, duplicates: 0 });
      await expectExact(world);
    },
  );

  test.each(Object.entries(files))(
    'it comes back for whoever asks, and may be deleted again, where it is known %s',
    async (_how, file) => {
      await importFile(world, file);
      for (let times = 0; times < 2; times += 1) {
        await remove('Baker');
        const made = await prepare(world, file);
        const seen = await preview(world, made.id, { restoreDeleted: true });
        expect(seen.counts).toEqual({ read: 2, new: 1, duplicate: 1, faulty: 0, deleted: 0, possibleDuplicates: 0 });
        const done = await commitToEnd(world, made.id, { restoreDeleted: true });
        expect(done).toMatchObject({ created: 1, duplicates: 1, warnings: [] });
      }
      expect(await importFile(world, file)).toMatchObject({ created: 0, duplicates: 2, warnings: [] });
      expect(await balance(world)).toBe('-11.00000000');
      await expectExact(world);
    },
  );

  test('of two equal rows the one that was deleted stays away', async () => {
    const file = 'date,amount,payee\n2026-01-01,-3,Coffee\n2026-01-01,-3,Coffee\n';
    await importFile(world, file);
    await remove('Coffee');
    expect(await importFile(world, file)).toMatchObject({ created: 0, duplicates: 2 });
    expect(await importFile(world, `${file}2026-01-01,-3,Coffee\n`)).toMatchObject({ created: 1, duplicates: 2 });
    expect(await balance(world)).toBe('-6.00000000');
  });

  test.each(Object.entries(files))(
    'what is taken back with its import may be imported again, where it is known %s',
    async (_how, file) => {
      const hasIds = file.startsWith('id');
      const rows = Array.from({ length: 2_100 }, (_, index) => `2026-02-01,${index + 1},x`);
      const whole = [file.trimEnd(), ...rows.map((row, index) => (hasIds ? `n${index},${row}` : row))].join('\n');
      const broken = `${whole}\n${hasIds ? 'n,' : ''}never,1,x`;
      expect(await importFile(world, broken)).toMatchObject({ status: 'failed', created: 0 });
      expect(await importFile(world, whole)).toMatchObject({ status: 'completed', created: 2_102, duplicates: 0 });
      await expectExact(world);
    },
  );

  test('an export of our own brings back what was deleted', async () => {
    const { userId } = world;
    await importFile(world, files['by its id']);
    let csv = '';
    const signal = AbortSignal.timeout(30_000);
    for await (const { piece } of ledger.exports.pieces(userId, { format: 'csv', signal })) csv += piece.text;
    for (let times = 0; times < 2; times += 1) {
      await remove('Baker');
      expect(await importFile(world, csv, { source: 'export' })).toMatchObject({ created: 1, duplicates: 1 });
    }
  });
});
