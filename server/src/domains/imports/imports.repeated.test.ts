import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importCommitInput, importCreateInput, importUpdateInput } from '@finverse/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, transact, transactOnce, type UnitOfWork } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { systemClock } from '../../kernel/clock.ts';
import { ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { insertFile } from './import-files.repository.ts';
import { ImportFiles } from './import-files.ts';
import { balance, commitToEnd, openWorld, waitForEnd, type World } from './test-imports.ts';
import { Uploads } from './uploads.ts';

const BANK = 'date,amount,payee\n2026-01-13,1,a\n2026-01-14,2,b\n';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let world: World;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'finverse-test-'));
    database = await databases.openMigrated();
    ledger = ledgerOn(database, systemClock, folder);
    world = await openWorld(database, ledger);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A unit that is done once for its key. */
  const keyed =
    (key: string): UnitOfWork =>
    (work) =>
      transactOnce(database, { caller: world.userId, key, procedure: '', input: null, nowMs: Date.now() }, work);
  /** A unit that is done, and whose answer is lost with the connection. */
  const answerLost: UnitOfWork = async (work) => {
    await transact(database, work);
    throw lost();
  };
  const lost = () => Object.assign(new Error('the server closed the connection'), { fatal: true });
  const upload = async () => (await ledger.imports.upload(() => ledger.commit, world.userId, piecesOf(BANK))).id;
  const create = (commit: UnitOfWork, content: { text: string } | { fileId: string }) => {
    const input = importCreateInput.parse({ source: 'bank', accountId: world.accountId, ...content });
    return ledger.imports.create(commit, world.userId, input);
  };

  test('a call that is repeated after the import has ended has the answer that it had', async () => {
    const { userId } = world;
    const fileId = await upload();
    const made = await create(keyed('create'), { fileId });
    const update = () => {
      const input = importUpdateInput.parse({ id: made.id, settings: { decimalSeparator: ',' } });
      return ledger.imports.update(keyed('update'), userId, input);
    };
    const updated = await update();
    const commit = () => ledger.imports.commit(keyed('commit'), userId, importCommitInput.parse({ id: made.id }));
    const committed = await commit();
    await waitForEnd(world, made.id);
    expect(await create(keyed('create'), { fileId })).toEqual(made);
    expect(await update()).toEqual(updated);
    expect(await commit()).toEqual(committed);
    expect(await balance(world)).toBe('3.00000000');
  });

  test('an import whose making was not answered, and is there, keeps its text', async () => {
    await expect(create(answerLost, { text: BANK })).rejects.toThrow('closed the connection');
    const [made] = (await ledger.imports.list(world.userId, { limit: 10 })).items;
    expect((await commitToEnd(world, made?.id ?? '')).status).toBe('completed');
    expect(await balance(world)).toBe('3.00000000');
  });

  test('so does a file that was uploaded, and one that is refused leaves nothing', async () => {
    const files = new ImportFiles(folder);
    const uploads = new Uploads({ database, clock: systemClock, files });
    const kept = uploads.keep(world.userId, piecesOf(BANK), async (file) => {
      await insertFile(database.em(), database.dialect, file);
      throw lost();
    });
    await expect(kept).rejects.toThrow('closed the connection');
    const [fileId] = await readdir(folder);
    const { id } = await create(ledger.commit, { fileId: fileId ?? '' });
    expect((await commitToEnd(world, id)).created).toBe(2);

    const refused = uploads.keep(world.userId, piecesOf(BANK), async () => {
      throw new Error('no');
    });
    await expect(refused).rejects.toThrow('no');
    const noAccount = importCreateInput.parse({ source: 'bank', accountId: 'acc_none', text: BANK });
    await expect(ledger.imports.create(ledger.commit, world.userId, noAccount)).rejects.toThrow('see details');
    expect(await readdir(folder)).toEqual([]);
  });
});

async function* piecesOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
