import { transactionUpdateInput } from '@finverse/shared';
import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { newId } from '../../kernel/ids.ts';
import { draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import {
  addAccount,
  balance,
  commitToEnd,
  expectExact,
  importFile,
  openWorld,
  prepare,
  preview,
  transactionsOf,
  waitForEnd,
  type World,
} from './test-imports.ts';

const ROWS = ['2026-01-03,-5,Baker', '2026-01-04,-6,Shop', '2026-01-05,70,Work', '2026-01-06,-8,Garage'];
const FILE = ['date,amount,payee', ...ROWS, ''].join('\n');
const MANY = ['date,amount,payee', ...Array.from({ length: 4_000 }, () => '2026-01-03,1,p'), ''].join('\n');

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let world: World;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    world = await openWorld(database, ledger, { openingBalance: '100' });
  });

  const begin = (id: string, { ledger: { imports, commit }, userId }: World = world) =>
    imports.undo(commit, userId, id);
  const undo = async (id: string) => {
    expect(await begin(id)).toMatchObject({ id, status: 'undoing' });
    return waitForEnd(world, id);
  };
  const paid = async (payee: string) => {
    const found = (await transactionsOf(world)).find((each) => each.payee === payee);
    return found?.id ?? '';
  };
  const edit = async (payee: string, changes: object) => {
    const { transactions, commit } = ledger;
    const input = transactionUpdateInput.parse({ id: await paid(payee), ...changes });
    return transactions.update(commit, world.userId, input);
  };
  const payees = async () => (await transactionsOf(world)).map(({ payee }) => payee);
  const restart = async (): Promise<World> => {
    const next = ledgerOn(database);
    await next.imports.recover({ isAlone: databases.driver === 'sqlite' });
    return { ...world, ledger: next };
  };
  /** A finished reconciliation of all that is on an account. */
  const reconcile = async (accountId: string) => {
    const { reconciliations, commit } = ledger;
    const statement = { accountId, statementDate: '2026-12-31', statementBalance: await balance(world, accountId) };
    const { id } = await reconciliations.start(commit, world.userId, statement);
    await reconciliations.clearAll(commit, world.userId, { id });
    await reconciliations.finish(commit, world.userId, { id });
    return id;
  };

  test('all that it made goes, also what was edited, filed anew or moved since, and nothing else does', async () => {
    const { userId } = world;
    const { commit, transactions, accounts, categories } = ledger;
    const other = await addAccount(world, { name: 'Other' });
    await importFile(world, 'date,amount,payee\n2026-01-02,-1,Kept\n', { source: 'other' });
    const { id } = await importFile(world, FILE);
    const own = { kind: 'expense', accountId: world.accountId, amount: '2', occurredOn: '2026-01-09', payee: 'Own' };
    await transactions.create(commit, userId, draft({ ...own, kind: 'expense' }));
    const [category] = (await categories.list(userId, { includeArchived: false })).items;
    await edit('Baker', { amount: '55', occurredOn: '2026-03-03', categoryId: category?.id ?? null, tags: ['x'] });
    await edit('Shop', { kind: 'transfer', transfer: { toAccountId: other.accountId } });
    await transactions.remove(commit, userId, await paid('Garage'));
    const third = await addAccount(world, { name: 'Third' });
    await accounts.moveEntries(commit, userId, { id: world.accountId, toAccountId: third.accountId });
    const since = new Date(0).toISOString();
    const removed = ['Baker', 'Shop', 'Work'];
    const ids = await Promise.all(removed.map(paid));
    expect(await undo(id)).toMatchObject({ status: 'undone', created: 0, rowsRead: 4, error: null });
    expect((await payees()).toSorted()).toEqual(['', 'Kept', 'Own']);
    expect([await balance(third), await balance(other), await balance(world)]).toEqual([
      '97.00000000',
      '0.00000000',
      '0.00000000',
    ]);
    const { deleted } = await transactions.list(userId, { limit: 200, updatedSince: since });
    expect(deleted.map((grave) => grave.id)).toEqual(expect.arrayContaining(ids));
    await expectExact(world);
  });

  test.each([
    ['by what it says', FILE],
    ['by its id', ['id,date,amount,payee', ...ROWS.map((row, index) => `${index},${row}`), ''].join('\n')],
  ])('its file can be imported again, but for what its owner had deleted, where it is known %s', async (_how, file) => {
    const { id } = await importFile(world, file);
    await edit('Baker', { amount: '55' });
    await ledger.transactions.remove(ledger.commit, world.userId, await paid('Garage'));
    await undo(id);
    const made = await prepare(world, file);
    const { counts } = await preview(world, made.id);
    expect(counts).toEqual({ read: 4, new: 3, duplicate: 1, faulty: 0, deleted: 1, possibleDuplicates: 0 });
    const again = await commitToEnd(world, made.id, { restoreDeleted: true });
    expect(again).toMatchObject({ created: 4, duplicates: 0 });
    expect(await balance(world)).toBe('151.00000000');
    expect(await undo(made.id)).toMatchObject({ status: 'undone' });
    expect(await importFile(world, file)).toMatchObject({ created: 3, duplicates: 1 });
    await expectExact(world);
  });

  test('what the source has learned stays', async () => {
    const made = await prepare(world, FILE, { settings: { isAmountInverted: true } });
    await commitToEnd(world, made.id);
    await undo(made.id);
    expect((await prepare(world, FILE)).settings.isAmountInverted).toBe(true);
  });

  test('while any of it is reconciled, on either account of a transfer, nothing is taken back', async () => {
    const other = await addAccount(world, { name: 'Other' });
    const { id } = await importFile(world, FILE);
    await edit('Shop', { kind: 'transfer', transfer: { toAccountId: other.accountId } });
    const onOther = await reconcile(other.accountId);
    await expect(begin(id)).rejects.toMatchObject({
      code: 'ENTRY_RECONCILED',
      message: expect.stringContaining(': 1.'),
    });
    const onOwn = await reconcile(world.accountId);
    const before = await transactionsOf(world);
    await expect(begin(id)).rejects.toMatchObject({
      code: 'ENTRY_RECONCILED',
      message: expect.stringContaining(': 4.'),
      details: [{ path: 'id' }],
    });
    expect(await ledger.imports.status(world.userId, id)).toMatchObject({ status: 'completed', created: 4 });
    expect(await transactionsOf(world)).toEqual(before);
    for (const each of [onOther, onOwn]) await ledger.reconciliations.reopen(ledger.commit, world.userId, each);
    // What is ticked off in an open reconciliation only loses its tick.
    expect(await undo(id)).toMatchObject({ status: 'undone' });
    expect(await payees()).toEqual(['']);
    await expectExact(world);
  });

  test('while any of it is on an archived account, it is refused by that account’s name', async () => {
    const { userId } = world;
    const other = await addAccount(world, { name: 'Old savings' });
    const { id } = await importFile(world, FILE);
    await edit('Shop', { kind: 'transfer', transfer: { toAccountId: other.accountId } });
    const archive = (isArchived: boolean) =>
      ledger.accounts.setArchived(ledger.commit, userId, { id: other.accountId, isArchived });
    await archive(true);
    const refusal = {
      code: 'ACCOUNT_ARCHIVED',
      message: expect.stringContaining('“Old savings”'),
      details: [{ path: 'id' }],
    };
    await expect(begin(id)).rejects.toMatchObject(refusal);
    expect(await payees()).toHaveLength(5);
    await archive(false);
    expect(await undo(id)).toMatchObject({ status: 'undone' });
    expect(await balance(other)).toBe('0.00000000');
    await expectExact(world);
  });

  test('a credit limit that it leaves behind does not hold it up', async () => {
    const card = await openWorld(database, ledger, { type: 'credit', creditLimit: '50' });
    const { id } = await importFile(card, 'date,amount,payee\n2026-01-03,200,Paid in\n');
    const spent = { kind: 'expense', accountId: card.accountId, amount: '150', occurredOn: '2026-01-09' } as const;
    await ledger.transactions.create(ledger.commit, card.userId, draft(spent));
    await begin(id, card);
    expect(await waitForEnd(card, id)).toMatchObject({ status: 'undone' });
    expect(await balance(card)).toBe('-150.00000000');
    await expectExact(card);
  });

  test('only what is completed can be undone, once, and only by its owner', async () => {
    const { imports, commit } = ledger;
    const ready = await prepare(world, FILE);
    await expect(begin(ready.id)).rejects.toMatchObject({ code: 'IMPORT_NOT_READY', message: /not committed/ });
    await imports.cancel(commit, world.userId, ready.id);
    await expect(begin(ready.id)).rejects.toMatchObject({ code: 'IMPORT_NOT_READY', message: /was cancelled/ });
    const failed = await importFile(world, 'date,amount,payee\n2026-99-03,-5,Baker\n');
    await expect(begin(failed.id)).rejects.toMatchObject({ code: 'IMPORT_NOT_READY', message: /has failed/ });
    const { id } = await importFile(world, FILE);
    const setStatus = (status: string) =>
      database.em().execute('update imports set status = ? where id = ?', [status, id]);
    for (const [status, message] of [
      ['running', /is running: cancel/],
      ['undoing', /taken back already/],
    ] as const) {
      await setStatus(status);
      await expect(begin(id)).rejects.toMatchObject({ code: 'IMPORT_NOT_READY', message });
    }
    await setStatus('completed');
    const stranger = await openWorld(database, ledger);
    const missing = await begin(newId('imp'), stranger).catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: 'NOT_FOUND' });
    expect(await begin(id, stranger).catch((error: unknown) => error)).toEqual(missing);
    expect(await payees()).toHaveLength(5);
    await undo(id);
    await expect(begin(id)).rejects.toMatchObject({ code: 'IMPORT_NOT_READY', message: /was undone before/ });
    await expect(imports.cancel(commit, world.userId, id)).rejects.toMatchObject({ code: 'IMPORT_NOT_READY' });
    await expect(preview(world, id)).rejects.toMatchObject({ code: 'IMPORT_NOT_READY', message: /is undone/ });
  });

  test('while another import of the person is written, none is undone, and the other way around', async () => {
    const { userId } = world;
    const [first, second] = [await importFile(world, FILE), await prepare(world, MANY, { source: 'other' })];
    const setStatus = (id: string, status: string) =>
      database.em().execute('update imports set status = ? where id = ?', [status, id]);
    await setStatus(second.id, 'running');
    await expect(begin(first.id)).rejects.toMatchObject({ code: 'IMPORT_NOT_READY', message: /Another import/ });
    await setStatus(second.id, 'ready');
    await setStatus(first.id, 'undoing');
    const commit = { id: second.id, skipFaulty: false, restoreDeleted: false, skipPossibleDuplicates: false };
    await expect(ledger.imports.commit(ledger.commit, userId, commit)).rejects.toMatchObject({
      code: 'IMPORT_NOT_READY',
    });
  });

  test('what a process leaves half undone the next one undoes to its end', async () => {
    const { id } = await importFile(world, MANY);
    await begin(id);
    // The batch in hand ends, and no other begins.
    await ledger.imports.close();
    expect(await ledger.imports.status(world.userId, id)).toMatchObject({ status: 'undoing', created: 2_000 });
    await expectExact(world);
    const next = await restart();
    expect(await next.ledger.imports.status(world.userId, id)).toMatchObject({
      status: 'undone',
      created: 0,
      error: null,
    });
    expect(await payees()).toEqual(['']);
    expect(await balance(world)).toBe('100.00000000');
    await expectExact(world);
  }, 120_000);

  test('what is ticked off in the middle of it loses its tick; a reconciliation ends before it or after it', async () => {
    const { userId } = world;
    const { reconciliations, commit } = ledger;
    const { id } = await importFile(world, MANY);
    await begin(id);
    await ledger.imports.close();
    const statement = { accountId: world.accountId, statementDate: '2026-12-31', statementBalance: '100' };
    const { id: reconciliationId } = await reconciliations.start(commit, userId, statement);
    await reconciliations.clearAll(commit, userId, { id: reconciliationId });
    const finish = () => reconciliations.finish(commit, userId, { id: reconciliationId });
    await expect(finish()).rejects.toMatchObject({ code: 'IMPORT_NOT_READY' });
    const next = await restart();
    expect(await next.ledger.imports.status(userId, id)).toMatchObject({ status: 'undone', created: 0 });
    expect(await payees()).toEqual(['']);
    await finish();
    await expectExact(world);
  }, 120_000);
});
