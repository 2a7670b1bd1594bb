import { formatMoney, parseMoney, type ReconciliationEntriesOut, type TransactionOut } from '@finverse/shared';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { TestLedger } from './test-ledger.ts';

// Test support of the model test: reconciliations among everything else that happens to a ledger, and what they lock.

type Entry = ReconciliationEntriesOut['items'][number];
type Locked = {
  id: string;
  statementBalance: string;
  entries: Pick<Entry, 'transactionId' | 'occurredOn' | 'kind' | 'amount'>[];
};

/** What the answers said of statements: of each account what is open, and what is locked, oldest first. */
export type Statements = { open: Map<string, string>; locked: Map<string, Locked[]> };

/** Commands of reconciliation; `account` and `which` are taken modulo what there is. */
export function statementCommands(
  pick: fc.Arbitrary<number>,
  date: fc.Arbitrary<string>,
  signed: fc.Arbitrary<string>,
) {
  const account = pick;
  return [
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('start'), account, statementDate: date, statementBalance: signed }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('clear', 'unclear'), account, which: pick }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('clearAll'), account }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('finish'),
        account,
        how: fc.constantFrom('as it is', 'corrected', 'adjusted'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('reopen', 'cancel'), account }) },
    // All of it at once: by single commands few accounts would come to have anything locked.
    { weight: 8, arbitrary: fc.record({ do: fc.constant('reconcile'), account, statementDate: date }) },
  ];
}

type Acting = { ledger: TestLedger; userId: string; statements: Statements };

/** Does one of the commands for real; answers the transactions that it made, or null for a command that is another's. */
export async function runStatement(
  acting: Acting,
  command: Record<string, unknown> & { do: string },
  accountId: string,
): Promise<TransactionOut[] | null> {
  const { ledger, userId } = acting;
  const { open, locked } = acting.statements;
  const { reconciliations, commit } = ledger;
  const id = open.get(accountId);
  const entriesOf = async (of: string) => (await reconciliations.entries(userId, { id: of, limit: 200 })).items;
  switch (command.do) {
    case 'start': {
      const { statementDate, statementBalance } = command as Record<string, string>;
      const input = { accountId, statementDate: statementDate ?? '', statementBalance: statementBalance ?? '' };
      open.set(accountId, (await reconciliations.start(commit, userId, input)).id);
      return [];
    }
    case 'clear':
    case 'unclear': {
      const entries = id === undefined ? [] : await entriesOf(id);
      const chosen = entries[Number(command['which']) % Math.max(1, entries.length)];
      if (id === undefined || !chosen) return [];
      await reconciliations[command.do](commit, userId, { id, transactionIds: [chosen.transactionId] });
      return [];
    }
    case 'clearAll':
      if (id !== undefined) await reconciliations.clearAll(commit, userId, { id });
      return [];
    case 'finish': {
      if (id === undefined) return [];
      if (command['how'] === 'corrected') {
        const { clearedBalance } = await reconciliations.get(userId, id);
        await reconciliations.update(commit, userId, { id, statementBalance: clearedBalance });
      }
      const adjustment = { categoryId: null, note: '' };
      const input = { id, ...(command['how'] === 'adjusted' ? { adjustment } : {}) };
      const finished = await reconciliations.finish(commit, userId, input);
      const { statementBalance } = finished.reconciliation;
      open.delete(accountId);
      const entries = (await entriesOf(id)).map(lockedPart);
      locked.set(accountId, [...(locked.get(accountId) ?? []), { id, statementBalance, entries }]);
      return finished.adjustment ? [finished.adjustment] : [];
    }
    case 'reconcile': {
      const { statementDate } = command;
      const steps = [
        { do: 'start', statementDate, statementBalance: '0' },
        { do: 'clearAll' },
        { do: 'finish', how: 'corrected' },
      ];
      for (const step of id === undefined ? steps : steps.slice(1)) await runStatement(acting, step, accountId);
      return [];
    }
    case 'reopen': {
      const newest = locked.get(accountId)?.at(-1);
      if (!newest) return [];
      await reconciliations.reopen(commit, userId, newest.id);
      open.set(accountId, newest.id);
      locked.set(accountId, locked.get(accountId)?.slice(0, -1) ?? []);
      return [];
    }
    case 'cancel':
      if (id === undefined) return [];
      await reconciliations.cancel(commit, userId, id);
      open.delete(accountId);
      return [];
    default:
      return null;
  }
}

function lockedPart({ transactionId, occurredOn, kind, amount }: Entry): Locked['entries'][number] {
  return { transactionId, occurredOn, kind, amount };
}

/** Whatever happened since: what a finished reconciliation had locked is there as it was, and sums up to the newest statement. */
export async function expectLocked(
  { ledger, userId, statements }: Acting,
  listed: readonly TransactionOut[],
): Promise<void> {
  for (const [accountId, finished] of statements.locked) {
    for (const { id, entries } of finished) {
      const now = await ledger.reconciliations.entries(userId, { id, limit: 200 });
      expect(now.items.map(lockedPart)).toEqual(entries);
    }
    let sum = 0n;
    for (const { kind, accountId: own, amount, cleared, transfer } of listed) {
      const units = parseMoney(amount);
      if (own === accountId && cleared === 'reconciled')
        sum += kind === 'income' || kind === 'opening' ? units : -units;
      if (transfer?.toAccountId === accountId && transfer.toCleared === 'reconciled')
        sum += parseMoney(transfer.toAmount);
    }
    expect(formatMoney(sum)).toBe(finished.at(-1)?.statementBalance ?? '0.00000000');
  }
  const { items } = await ledger.reconciliations.list(userId, { limit: 200, status: 'open' });
  expect(new Map(items.map(({ accountId, id }) => [accountId, id]))).toEqual(statements.open);
}

/** A transaction without what may differ from the answer that made it: marks come and go by reconciliations, and each is a change. */
export function comparable({ updatedAt: _now, cleared: _own, transfer, ...rest }: TransactionOut): object {
  const { toCleared: _to, ...way } = transfer ?? {};
  return { ...rest, transfer: transfer && way };
}
