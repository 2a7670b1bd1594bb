import { recurringCreateInput, ruleCreateInput, type TransactionOut } from '@finverse/shared';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { importFile } from '../imports/test-imports.ts';
import { bookDue } from '../recurring/test-due.ts';
import type { TestLedger } from './test-ledger.ts';

// Test support of the model test: what books many at once or by itself, among everything else that happens to a ledger: imports, rules, recurring transactions.

/** What the answers said: the sources of imports that were completed, by import; templates, and by what ids they have booked something. */
export type Automation = { runs: Map<string, string>; templates: string[]; made: Set<string> };

export function noAutomation(): Automation {
  return { runs: new Map(), templates: [], made: new Set() };
}

type Arbitraries = Record<'pick' | 'date' | 'amount', fc.Arbitrary<unknown>>;

/** Commands of imports, rules and templates; `account`, `category` and `which` are taken modulo what there is. */
export function automationCommands({ pick, date, amount }: Arbitraries) {
  const row = fc.record({ amount, occurredOn: date, isIncome: fc.boolean() });
  return [
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('import'),
        account: pick,
        rows: fc.array(row, { minLength: 1, maxLength: 6 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('undoImport'), which: pick }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('rule'),
        category: fc.option(pick),
        least: amount,
        tag: fc.constantFrom('large', 'seen'),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('applyRules') }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('template'),
        account: pick,
        category: fc.option(pick),
        kind: fc.constantFrom('income', 'expense'),
        amount,
        startsOn: date,
        rule: fc.constantFrom('FREQ=WEEKLY', 'FREQ=MONTHLY;BYMONTHDAY=-1'),
        count: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pause'), which: pick }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('resume'), which: pick, catchUp: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('makeDue') }) },
  ];
}

type Acting = {
  database: Database;
  clock: Clock;
  ledger: TestLedger;
  userId: string;
  transactions: Map<string, TransactionOut>;
  automation: Automation;
};

type Command = Record<string, unknown> & { do: string };

/** Does one of the commands for real; answers the transactions that it made or changed, or null for a command that is another's. */
export async function runAutomation(
  acting: Acting,
  command: Command,
  { accountId, categoryId }: { accountId: string; categoryId: string | null },
): Promise<TransactionOut[] | null> {
  const { ledger, userId, automation } = acting;
  const { commit } = ledger;
  const { templates } = automation;
  const template = templates[Number(command['which'] ?? 0) % Math.max(1, templates.length)];
  switch (command.do) {
    case 'import':
      return importRows(acting, accountId, command['rows'] as ImportedRow[]);
    case 'undoImport':
      await undoImport(acting, Number(command['which']));
      return [];
    case 'rule': {
      const { tag, least } = command as Record<string, string>;
      const actions = { addTags: [tag], ...(categoryId === null ? {} : { categoryId }) };
      const conditions = [{ field: 'amount', min: least }];
      await ledger.rules.create(commit, userId, ruleCreateInput.parse({ name: 'Rule', conditions, actions }));
      return [];
    }
    case 'applyRules': {
      const { items, token } = await ledger.rules.preview(userId, {});
      expect(await ledger.rules.apply(commit, userId, { token })).toEqual({ changed: items.length });
      return items.flatMap(({ transactionId, after }) => {
        const known = acting.transactions.get(transactionId);
        return known ? [{ ...known, ...after }] : [];
      });
    }
    case 'template': {
      const { kind, amount, startsOn, rule, count } = command;
      const draft = { kind, accountId, amount, categoryId };
      const input = recurringCreateInput.parse({ name: 'Template', draft, rule, startsOn, count });
      templates.push((await ledger.recurring.create(commit, userId, input)).id);
      return [];
    }
    case 'pause':
      if (template !== undefined) await ledger.recurring.pause(commit, userId, template);
      return [];
    case 'resume':
      if (template !== undefined)
        await ledger.recurring.resume(commit, userId, { id: template, catchUp: Boolean(command['catchUp']) });
      return [];
    case 'makeDue':
      return makeAllDue(acting);
    default:
      return null;
  }
}

let sources = 0;
type ImportedRow = { amount: string; occurredOn: string; isIncome: boolean };

/** Imports rows as a bank's file, twice, and answers what has come of it: all of them once, or none. */
async function importRows(acting: Acting, accountId: string, rows: readonly ImportedRow[]): Promise<TransactionOut[]> {
  const { ledger, userId, transactions, automation } = acting;
  const lines = rows.map(({ amount, occurredOn, isIncome }) => `${occurredOn},${isIncome ? '' : '-'}${amount}`);
  const file = ['date,amount', ...lines, ''].join('\n');
  const fields = { source: `bank-${(sources += 1)}`, settings: { decimalSeparator: '.' } } as const;
  const first = await importFile({ ...acting, accountId }, file, fields);
  const isDone = first.status === 'completed';
  if (isDone) expect(await importFile({ ...acting, accountId }, file, fields)).toMatchObject({ created: 0 });
  if (isDone) automation.runs.set(first.id, fields.source);
  const { items } = await ledger.transactions.list(userId, { limit: 200 });
  const made = items.filter(({ id, kind }) => kind !== 'opening' && !transactions.has(id));
  const asRow = ({ occurredOn, kind, amount }: TransactionOut) =>
    `${occurredOn},${kind === 'income' ? '' : '-'}${amount}`;
  expect(made.map(asRow).toSorted()).toEqual(isDone ? lines.toSorted() : []);
  return made;
}

/** Takes an import back as after a crash at its very end, whatever became of its rows since: all that is left of them goes, or nothing where one is locked. */
async function undoImport(
  { database, ledger, userId, transactions, automation }: Acting,
  which: number,
): Promise<void> {
  const { runs } = automation;
  const [id, source] = [...runs][which % Math.max(1, runs.size)] ?? [];
  if (id === undefined) return;
  const begin = `update imports set status = 'undoing', error_code = 'IMPORT_INTERRUPTED', beat_at = 0 where id = ?`;
  await database.em().execute(begin, [id]);
  await ledger.imports.recover({ isAlone: true });
  const { status } = await ledger.imports.status(userId, id);
  if (status === 'undoing') {
    await database.em().execute(`update imports set status = 'completed' where id = ?`, [id]);
    return;
  }
  expect(status).toBe('failed');
  runs.delete(id);
  for (const each of transactions.values()) if (each.source === source) transactions.delete(each.id);
}

/** Books what is due, and answers it: each date of each template once, whatever became of what it has booked before. */
async function makeAllDue({ database, clock, ledger, userId, automation }: Acting): Promise<TransactionOut[]> {
  const { templates, made } = automation;
  await bookDue({ database, clock });
  const { items } = await ledger.transactions.list(userId, { limit: 200, source: 'recurring' });
  const fresh = items.filter(({ externalId }) => !made.has(externalId ?? ''));
  for (const { externalId } of fresh) made.add(externalId ?? '');
  for (const id of templates) {
    const { madeCount, count, nextOn, status, draft } = await ledger.recurring.get(userId, id);
    const own = fresh.filter(({ externalId }) => externalId?.startsWith(id));
    expect([...made].filter((each) => each.startsWith(id))).toHaveLength(madeCount);
    expect(nextOn === null).toBe(madeCount === count);
    if (status === 'finished' || status === 'active') expect(nextOn).toBeNull();
    for (const each of own) expect(each).toMatchObject({ amount: draft.amount, kind: draft.kind });
  }
  return fresh;
}
