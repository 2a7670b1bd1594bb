import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { importCreateInput } from '@finverse/shared';
import { beforeEach, expect, test } from 'vitest';
import { type Database, transact, type UnitOfWork } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { systemClock } from '../../kernel/clock.ts';
import { ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import {
  commitToEnd,
  expectExact,
  openWorld,
  prepare,
  preview,
  transactionsOf,
  waitForEnd,
  type World,
} from './test-imports.ts';
import { ImportFiles } from './import-files.ts';
import { UploadRoom } from './upload-room.ts';

const BANK = 'date,amount,payee\n2026-01-13,1,a\n2026-01-14,2,b\n';
/** Long enough for a call that does not wait for another to be over. */
const HEAD_START_MS = 500;

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let world: World;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    world = await openWorld(database, ledger);
  });

  test('of two imports that are committed at once one runs, and the other is refused', async () => {
    const { userId } = world;
    const [first, second] = [await prepare(world, BANK), await prepare(world, BANK)];
    const [isWritten, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const held: UnitOfWork = (work) =>
      transact(database, async (em) => {
        const answer = await work(em);
        isWritten.resolve();
        await gate.promise;
        return answer;
      });
    const one = ledger.imports.commit(held, userId, {
      id: first.id,
      skipFaulty: false,
      restoreDeleted: false,
      skipPossibleDuplicates: false,
    });
    await isWritten.promise;
    const two = ledger.imports.commit(ledger.commit, userId, {
      id: second.id,
      skipFaulty: false,
      restoreDeleted: false,
      skipPossibleDuplicates: false,
    });
    const refusal = two.then(
      () => null,
      (error: unknown) => error,
    );
    await Promise.race([refusal, delay(HEAD_START_MS)]);
    gate.resolve();
    await one;
    expect(await refusal).toMatchObject({ code: 'IMPORT_NOT_READY' });
    expect(await waitForEnd(world, first.id)).toMatchObject({ status: 'completed', created: 2, duplicates: 0 });
    expect(await transactionsOf(world)).toHaveLength(2);
    await expectExact(world);
  });

  test('a file goes with the last of its imports, also where two of them end at once', async () => {
    const { userId, accountId } = world;
    const pieces = async function* () {
      yield Buffer.from(BANK);
    };
    const { id: fileId } = await ledger.imports.upload(() => ledger.commit, userId, pieces());
    const make = (source: string) =>
      ledger.imports.create(ledger.commit, userId, importCreateInput.parse({ source, accountId, fileId }));
    const [first, second] = [await make('one'), await make('two')];
    const [isWritten, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const held: UnitOfWork = (work) =>
      transact(database, async (em) => {
        const answer = await work(em);
        isWritten.resolve();
        await gate.promise;
        return answer;
      });
    const one = ledger.imports.cancel(held, userId, first.id);
    await isWritten.promise;
    const two = ledger.imports.cancel(ledger.commit, userId, second.id);
    await Promise.race([two, delay(HEAD_START_MS)]);
    gate.resolve();
    await Promise.all([one, two]);
    expect(await ledger.imports.status(userId, second.id)).toMatchObject({ status: 'cancelled', hasFile: false });
  });

  test('only an import that was completed teaches its source, and no guess silences the question', async () => {
    const file = (...rows: string[]) => ['Datum,Bedrag,Wie', ...rows, ''].join('\n');
    const open = file('03/04/2026,"1,234",a', '03/05/2026,-2345,b');
    const made = await prepare(world, open);
    expect(made.warnings).toHaveLength(2);
    const settings = { isAmountInverted: true } as const;
    const broken = await prepare(world, file('03/04/2026,"1,234",a', '99/99/2026,-1,x'), { settings });
    expect(await commitToEnd(world, broken.id)).toMatchObject({ status: 'failed' });
    expect((await prepare(world, open)).settings.isAmountInverted).toBe(false);
    expect(await commitToEnd(world, made.id)).toMatchObject({ status: 'completed' });
    expect((await prepare(world, open)).warnings).toEqual(made.warnings);
    const clear = await prepare(world, file('12/25/2026,"1,234.50",a', '12/26/2026,-1.50,b'));
    expect(clear).toMatchObject({ warnings: [], settings: { dateFormat: 'MM/DD/YYYY', decimalSeparator: '.' } });
    expect(await commitToEnd(world, clear.id)).toMatchObject({ status: 'completed' });
    expect(await prepare(world, open)).toMatchObject({ warnings: [], settings: { dateFormat: 'MM/DD/YYYY' } });
  });

  test('what a source’s CSV has taught turns no OFX of it around', async () => {
    const settings = { isAmountInverted: true } as const;
    const made = await prepare(world, BANK, { settings });
    expect(await commitToEnd(world, made.id)).toMatchObject({ status: 'completed' });
    expect((await prepare(world, BANK)).settings.isAmountInverted).toBe(true);
    const ofx = 'OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><CURDEF>EUR<ACCTID>42<BANKTRANLIST></BANKTRANLIST></OFX>';
    expect((await prepare(world, ofx)).settings.isAmountInverted).toBe(false);
    expect((await prepare(world, ofx, { settings })).settings.isAmountInverted).toBe(true);
  });

  test('a person has two files coming in and one preview at a time, and room is held for what comes', async () => {
    const { userId } = world;
    const gate = Promise.withResolvers<void>();
    const slow = async function* () {
      yield Buffer.from('date,amount\n');
      await gate.promise;
    };
    const coming = [
      ledger.imports.upload(() => ledger.commit, userId, slow()),
      ledger.imports.upload(() => ledger.commit, userId, slow()),
    ];
    await expect(ledger.imports.upload(() => ledger.commit, userId, slow())).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    const stranger = await openWorld(database, ledger);
    expect((await prepare(stranger, BANK)).status).toBe('ready');
    gate.resolve();
    await Promise.all(coming);
    const made = await prepare(world, BANK);
    const [one, two] = await Promise.allSettled([preview(world, made.id), preview(world, made.id)]);
    expect([one.status, two]).toMatchObject(['fulfilled', { reason: { code: 'RATE_LIMITED' } }]);
    expect((await preview(world, made.id)).counts.new).toBe(2);
  });

  test('a file that several imports are made of stays as long as one of them may need it', async () => {
    const { userId, accountId } = world;
    const pieces = (async function* () {
      yield Buffer.from(BANK);
    })();
    const { id: fileId } = await ledger.imports.upload(() => ledger.commit, userId, pieces);
    const create = (source: string) =>
      ledger.imports.create(ledger.commit, userId, importCreateInput.parse({ source, accountId, fileId }));
    const [one, two, three] = [await create('one'), await create('two'), await create('three')];
    expect(await ledger.imports.cancel(ledger.commit, userId, one.id)).toMatchObject({
      status: 'cancelled',
      hasFile: true,
    });
    expect(await commitToEnd(world, two.id)).toMatchObject({ status: 'completed', created: 2, hasFile: true });
    expect(await commitToEnd(world, three.id)).toMatchObject({ status: 'completed', created: 2, hasFile: false });
    expect(await ledger.imports.status(userId, one.id)).toMatchObject({ hasFile: false });
  });

  test('of a file that an earlier call has kept under its key, no copy stays', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'finverse-test-'));
    const { imports } = ledgerOn(database, systemClock, folder);
    const upload = (commit: UnitOfWork) =>
      imports.upload(
        () => commit,
        world.userId,
        (async function* () {
          yield Buffer.from(BANK);
        })(),
      );
    const first = await upload(ledger.commit);
    const replay: UnitOfWork = async () => first as never;
    expect(await upload(replay)).toEqual(first);
    expect(await readdir(folder)).toEqual([first.id]);
    const failing: UnitOfWork = () => Promise.reject(new Error('gone'));
    await expect(upload(failing)).rejects.toThrow('gone');
    expect(await readdir(folder)).toEqual([first.id]);
  });

  test('a run whose file is gone says so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'finverse-test-'));
    const own = { ...world, ledger: ledgerOn(database, systemClock, folder) };
    const made = await prepare(own, BANK);
    const gone: UnitOfWork = async (work) => {
      const answer = await ledger.commit(work);
      await rm(folder, { recursive: true });
      return answer;
    };
    await own.ledger.imports.commit(gone, world.userId, {
      id: made.id,
      skipFaulty: false,
      restoreDeleted: false,
      skipPossibleDuplicates: false,
    });
    expect(await waitForEnd(own, made.id)).toMatchObject({ status: 'failed', error: { code: 'IMPORT_FILE_GONE' } });
  });

  test('the text of an import that is refused, or answered from an earlier call, is not kept as a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'finverse-test-'));
    const { imports } = ledgerOn(database, systemClock, folder);
    const { userId, accountId } = world;
    const create = (commit: UnitOfWork, fields: object = {}) =>
      imports.create(commit, userId, importCreateInput.parse({ source: 'bank', accountId, text: BANK, ...fields }));
    const refusals = [{ accountId: 'acc_00000000000000000000000000' }, { settings: { encoding: 'none' } }];
    for (const fields of refusals)
      await expect(create(ledger.commit, fields)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await readdir(folder)).toEqual([]);
    const first = await create(ledger.commit);
    const replay: UnitOfWork = async () => first as never;
    expect((await create(replay)).id).toBe(first.id);
    expect(await readdir(folder)).toHaveLength(1);
  });

  test.skipIf(process.platform !== 'linux')(
    'a run that fails in the middle of a file holds it open no longer',
    async () => {
      const rows = Array.from({ length: 60_000 }, (_, index) => `2026-01-13,${index + 1},some payee ${index}`);
      const file = ['date,amount,payee', '2026-99-99,1,x', ...rows, ''].join('\n');
      const made = await prepare(world, file);
      const openUploads = async () => {
        const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
        return (await Promise.all(links)).filter((path) => path.includes('/upl_'));
      };
      const before = await openUploads();
      expect(await commitToEnd(world, made.id)).toMatchObject({ status: 'failed' });
      expect(await openUploads()).toEqual(before);
    },
  );

  test('of a file that has no room left nothing is kept', async () => {
    const room = new UploadRoom();
    const kept = async () => ({ count: 3, bytes: 1024 ** 3 - 10 });
    expect(await room.hold('p', kept, async (bytesMax) => bytesMax)).toBe(10);
    const files = new ImportFiles(await mkdtemp(join(tmpdir(), 'finverse-test-')));
    const source = (async function* () {
      yield Buffer.alloc(11);
    })();
    await expect(files.write('upl_1', source, 10)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(files.require('upl_1.part')).rejects.toMatchObject({ code: 'IMPORT_FILE_GONE' });
  });
});
