import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { readBook } from './book.ts';
import { judgeRows } from './judge-rows.ts';
import type { ReadRow } from './read-drafts.ts';
import { openWorld, type World } from './test-imports.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let world: World;
  let row: ReadRow;
  let categoryIds: string[];
  let ruleId: string;

  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    world = await openWorld(database, ledger);
    const { userId, accountId } = world;
    const input = draft({ kind: 'expense', accountId, amount: '5', occurredOn: '2026-02-03', source: 'bank' });
    row = { row: 1, line: 2, contentHash: null, occurrence: 0, draft: { kind: 'transaction', input } };
    const look = { kind: 'both', parentId: null, icon: null, color: null } as const;
    const made = await ledger.categories.createMany(ledger.commit, userId, [
      { name: 'From', ...look },
      { name: 'Into', ...look },
    ]);
    categoryIds = made.map(({ id }) => id);
    const rule = await ledger.rules.create(ledger.commit, userId, {
      name: 'All',
      conditions: [{ field: 'kind', kind: 'expense' }],
      actions: { categoryId: categoryIds[0], addTags: ['old'] },
      isStop: false,
      isEnabled: true,
    });
    ruleId = rule.id;
  });

  /** Judges rows of a file that is begun now, as often as asked. */
  const begin = async () => {
    const { userId } = world;
    const { dialect } = database;
    const em = database.em();
    const book = await readBook(em, dialect, userId);
    const judging = { dialect, userId, source: 'bank', appliesRules: true, restoresDeleted: false, book };
    return () => judgeRows(em, { ...judging, seen: new Set() }, [row], { idOf: String, nowMs: 1 });
  };

  test('a file is filed by the rules that were there when it was begun, whatever becomes of them meanwhile', async () => {
    const judge = await begin();
    const before = await judge();
    expect(before).toMatchObject([{ outcome: 'new', record: { categoryId: categoryIds[0], tags: ['old'] } }]);
    await ledger.rules.update(ledger.commit, world.userId, { id: ruleId, actions: { addTags: ['new'] } });
    expect(await judge()).toEqual(before);
    await ledger.rules.remove(ledger.commit, world.userId, ruleId);
    expect(await judge()).toEqual(before);
    expect(await (await begin())()).toMatchObject([{ record: { categoryId: null, tags: [] } }]);
  });

  test('a category of a rule that is archived or merged meanwhile breaks it off, and no row goes elsewhere than the first', async () => {
    const { userId } = world;
    const [from = '', into = ''] = categoryIds;
    const refused = { code: 'IMPORT_FAULTY', message: expect.stringContaining('a rule names') as string };
    const judge = await begin();
    await judge();
    await ledger.categories.setArchived(ledger.commit, userId, { id: from, isArchived: true });
    await expect(judge()).rejects.toMatchObject(refused);
    expect(await (await begin())()).toMatchObject([{ outcome: 'new', record: { categoryId: null } }]);
    await ledger.categories.setArchived(ledger.commit, userId, { id: from, isArchived: false });
    await judge();
    await ledger.categories.merge(ledger.commit, userId, { id: from, intoId: into });
    await expect(judge()).rejects.toMatchObject(refused);
    expect(await (await begin())()).toMatchObject([{ outcome: 'new', record: { categoryId: into } }]);
  });
});
