import { type Database, openDatabase } from '../../server/src/db/index.ts';
import {
  type AccountRecord,
  insertAccount,
  listAccounts,
  listCategories,
  openLedger,
  post,
  type TransactionRecord,
  UNMARKED,
} from '../../server/src/domains/ledger/index.ts';
import { insertUser } from '../../server/src/domains/users/index.ts';
import { entities } from '../../server/src/entities.ts';
import { newId } from '../../server/src/kernel/ids.ts';
import { format } from './stats.ts';

const ACCOUNTS = 10;
const CATEGORIES = 20;
const PAYEES = 500;
const PER_COMMIT = 5_000;
const FIRST_DAY = Date.UTC(2016, 0, 1);
const DAYS = 3650;

/** The word that one in a thousand transactions has in its description. */
export const RARE_WORD = 'zeppelin';

export type SeededLedger = { userId: string; accountIds: string[]; categoryIds: string[] };

/**
 * Fills a database with the transactions of its admin: expenses over ten years, on ten accounts, in twenty categories, one in a thousand with a rare word. `post`
 * writes them, so every kept figure is what the entries add up to. Other people are copies of the admin, one after the other, as if each had imported theirs.
 */
export async function seedLedger(url: string, { own, all }: { own: number; all: number }): Promise<SeededLedger> {
  const database = await openDatabase({ url, entities });
  const startedAtMs = performance.now();
  const tell = (transactions: number) =>
    console.log(`${format(transactions)} in ${format((performance.now() - startedAtMs) / 1000)} s`);
  try {
    const [operator] = await database.em().execute<{ id: string }[]>("select id from users where role = 'admin'");
    if (!operator) throw new Error('the server made no operator');
    const seeded = await seedPerson(database, operator.id, own);
    tell(own);
    const people = Math.ceil(all / own);
    if (people > COPY_MARKS.length) throw new Error(`at most ${COPY_MARKS.length} people`);
    for (let person = 1; person < people; person += 1) {
      await copyPerson(database, operator.id, person);
      tell(own * (person + 1));
    }
    await database.em().execute(database.dialect === 'mysql' ? 'analyze table transactions, entries' : 'analyze');
    return seeded;
  } finally {
    await database.close();
  }
}

/** The digit of an id that a copy has another one at: the second of its time, which is the same in all that are made for centuries. */
const COPY_MARKS = '123456789abcdefghjkmnpqrstvwxyz';

/** The tables of a ledger, and their columns that hold ids. */
const COPIED = {
  ledgers: [],
  accounts: ['id'],
  categories: ['id', 'parent_id'],
  transactions: ['id', 'account_id', 'category_id'],
  entries: ['transaction_id', 'account_id', 'category_id'],
  account_months: ['account_id'],
  monthly_totals: ['category_id'],
};

/** Copies everything of a person to a new one, inside the database. */
async function copyPerson(database: Database, fromId: string, person: number): Promise<void> {
  const user = {
    email: `person${person}@example.com`,
    role: 'user' as const,
    passwordHash: '',
    createdAtMs: Date.now(),
  };
  const { id: toId } = await insertUser(database.em(), user);
  for (const [table, ids] of Object.entries(COPIED)) {
    const em = database.em();
    const [row] = await em.execute<object[]>(`select * from ${table} where user_id = ? limit 1`, [fromId]);
    const columns = Object.keys(row ?? {});
    const values = columns.map((column) => {
      if (column === 'user_id') return `'${toId}'`;
      return ids.some((name) => name === column) ? copiedId(database, column, COPY_MARKS[person] as string) : column;
    });
    await em.execute(
      `insert into ${table} (${columns.join(', ')}) select ${values.join(', ')} from ${table} where user_id = ?`,
      [fromId],
      'run',
    );
  }
}

function copiedId({ dialect }: Database, column: string, mark: string): string {
  const parts = [`substr(${column}, 1, 5)`, `'${mark}'`, `substr(${column}, 7)`];
  return dialect === 'mysql' ? `concat(${parts.join(', ')})` : parts.join(' || ');
}

async function seedPerson(database: Database, userId: string, transactions: number): Promise<SeededLedger> {
  const { dialect } = database;
  const open = { userId, nowMs: Date.now() };
  const { accounts, categoryIds } = await database.em().transactional(async (em) => {
    const ledger = await openLedger(em, dialect, open);
    for (let index = 0; index < ACCOUNTS; index += 1) await insertAccount(em, ledger, accountOf(index, open.nowMs));
    return {
      accounts: await listAccounts(em, dialect, userId),
      categoryIds: leavesOf(await listCategories(em, userId)).slice(0, CATEGORIES),
    };
  });
  const known = new Map(accounts.map((account) => [account.id, account]));
  const places = { accountIds: [...known.keys()], categoryIds };
  for (let start = 0; start < transactions; start += PER_COMMIT) {
    const count = Math.min(PER_COMMIT, transactions - start);
    await database.em().transactional(async (em) => {
      const ledger = await openLedger(em, dialect, open);
      const changes = Array.from({ length: count }, (_, offset) => ({
        before: null,
        after: transactionOf(start + offset, transactions, places, ledger.changedAtMs),
      }));
      for (const account of await post(em, ledger, changes, known)) known.set(account.id, account);
    });
  }
  return { userId, ...places };
}

/** Expenses are filed under categories that have none below them, so that a filter by one is a filter by one. */
function leavesOf(categories: Awaited<ReturnType<typeof listCategories>>): string[] {
  const parents = new Set(categories.map(({ parentId }) => parentId));
  return categories.flatMap(({ id, kind }) => (kind === 'expense' && !parents.has(id) ? [id] : []));
}

function accountOf(index: number, nowMs: number): AccountRecord {
  return {
    id: newId('acc'),
    name: `Account ${index}`,
    type: 'wallet',
    currency: 'EUR',
    balance: 0n,
    creditLimit: null,
    openingTransactionId: null,
    icon: null,
    color: null,
    note: '',
    isHidden: false,
    archivedAtMs: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

function transactionOf(
  index: number,
  count: number,
  { accountIds, categoryIds }: { accountIds: readonly string[]; categoryIds: readonly string[] },
  nowMs: number,
): TransactionRecord {
  const day = FIRST_DAY + Math.floor((index / count) * DAYS) * 86_400_000;
  return {
    id: newId('txn'),
    marks: UNMARKED,
    kind: 'expense',
    accountId: accountIds[index % ACCOUNTS] as string,
    amount: BigInt(100 + ((index * 7919) % 20_000)) * 1_000_000n,
    currency: 'EUR',
    occurredOn: new Date(day).toISOString().slice(0, 10),
    description: index % 1000 === 500 ? `A trip by ${RARE_WORD}` : `Purchase ${index}`,
    payee: `Payee ${(index * 31) % PAYEES}`,
    note: '',
    categoryId: categoryIds[(index * 7) % categoryIds.length] as string,
    tags: [],
    splits: [],
    transfer: null,
    attachments: [],
    source: 'manual',
    externalId: null,
    contentHash: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}
