import {
  importCommitInput,
  importCreateInput,
  type ImportOut,
  importPreviewInput,
  isPrintable,
} from '@finverse/shared';
import type { z } from 'zod';
import { expect } from 'vitest';
import { type Database, transact } from '../../db/index.ts';
import { checkLedger, openLedger } from '../ledger/index.ts';
import { accountFields, type TestLedger } from '../ledger/test-ledger.ts';

// Test support: imports as a person makes them, from the file to the end.

export type World = { database: Database; ledger: TestLedger; userId: string; accountId: string };

/** A person with an account. */
export async function openWorld(database: Database, ledger: TestLedger, fields: object = {}): Promise<World> {
  const userId = await ledger.person();
  return addAccount({ database, ledger, userId }, { name: 'Checking', ...fields });
}

/** The same person with another account. */
export async function addAccount(
  { database, ledger, userId }: Omit<World, 'accountId'>,
  fields: { name: string },
): Promise<World> {
  const { id } = await ledger.accounts.create(ledger.commit, userId, accountFields(fields));
  return { database, ledger, userId, accountId: id };
}

type Fields = Partial<z.input<typeof importCreateInput>>;

/** Prepares an import of a file, uploaded where it is bytes or large. */
export async function prepare(world: World, file: string | Buffer, fields: Fields = {}): Promise<ImportOut> {
  const { ledger, userId, accountId } = world;
  const isText = typeof file === 'string' && file.length < 20_000 && isPrintable(file);
  const content = isText
    ? { text: file }
    : { fileId: (await ledger.imports.upload(() => ledger.commit, userId, piecesOf(Buffer.from(file as string)))).id };
  const input = importCreateInput.parse({ source: 'bank', accountId, ...content, ...fields });
  return ledger.imports.create(ledger.commit, userId, input);
}

async function* piecesOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += 50_000) yield bytes.subarray(start, start + 50_000);
}

type PreviewFields = Partial<z.output<typeof importPreviewInput>>;

export function preview({ ledger, userId }: World, id: string, fields: PreviewFields = {}) {
  return ledger.imports.preview(userId, importPreviewInput.parse({ id, ...fields }));
}

type CommitFields = Partial<z.output<typeof importCommitInput>>;

/** Commits, and waits for the end as a client does. */
export async function commitToEnd(world: World, id: string, fields: CommitFields = {}): Promise<ImportOut> {
  const input = importCommitInput.parse({ id, ...fields });
  await world.ledger.imports.commit(world.ledger.commit, world.userId, input);
  return waitForEnd(world, id);
}

export async function waitForEnd({ ledger, userId }: World, id: string): Promise<ImportOut> {
  let last: ImportOut | undefined;
  const signal = AbortSignal.timeout(60_000);
  for await (const { import: state } of ledger.imports.progress(userId, { id, signal })) last = state;
  expect(['completed', 'undone', 'cancelled', 'failed']).toContain(last?.status);
  return last as ImportOut;
}

export async function importFile(world: World, file: string | Buffer, fields: Fields = {}): Promise<ImportOut> {
  return commitToEnd(world, (await prepare(world, file, fields)).id);
}

export async function balance({ ledger, userId, accountId }: World, id = accountId): Promise<string> {
  return (await ledger.accounts.get(userId, id)).balance;
}

/** All transactions of a person, the oldest first. */
export async function transactionsOf({ ledger, userId }: World) {
  const items = [];
  for (let cursor: string | undefined, isMore = true; isMore;) {
    const page = await ledger.transactions.list(userId, { limit: 200, cursor });
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
    isMore = page.nextCursor !== null;
  }
  return items.toReversed();
}

/** Every kept figure is what the entries say. Holds the ledger, so that what is compared is of one moment while an import runs. */
export async function expectExact({ database, userId }: World): Promise<void> {
  const { differences } = await transact(database, async (em) => {
    await openLedger(em, database.dialect, { userId, nowMs: Date.now() });
    return checkLedger(em, database.dialect, { userId, differencesMax: 10 });
  });
  expect(differences).toEqual([]);
}
