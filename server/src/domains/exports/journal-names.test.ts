import { expect, test } from 'vitest';
import { treeOf } from '../categories/index.ts';
import type { AccountRecord, CategoryRecord } from '../ledger/index.ts';
import { journalNames } from './journal-names.ts';

const account = (id: string, name: string) => [id, { id, name, type: 'wallet' } as AccountRecord] as const;
const category = (id: string, name: string, parentId: string | null) =>
  ({ id, name, parentId, kind: 'both', archivedAtMs: null }) as CategoryRecord;

test('no two accounts or categories share a name in the journal, whatever they are called', () => {
  const accounts = new Map([
    account('1', 'a:b'),
    account('2', 'a%3Ab'),
    account('3', 'Cash'),
    account('4', 'Cash'),
    account('5', 'x  ;y'),
  ]);
  const categories = treeOf([category('c1', 'x:y', null), category('c2', 'x', null), category('c3', 'y', 'c2')]);
  const names = journalNames({ accounts, categories });
  const all = [...accounts.keys()].map((id) => names.account(id));
  all.push(...[...categories.keys()].map((id) => names.category('expense', id)));
  expect(new Set(all).size).toBe(all.length);
  expect(names.account('1')).toBe('assets:a%3Ab');
  expect(names.account('5')).toBe('assets:x %3By');
  expect(names.category('income', null)).toBe('income');
  expect(names.category('income', 'c1')).toMatch(/^income:/);
});

test('a refund stands on the side of its category, and so does a reversal', () => {
  const categories = treeOf([
    { ...category('c1', 'Shopping', null), kind: 'expense' },
    { ...category('c2', 'Salary', null), kind: 'income' },
  ]);
  const names = journalNames({ accounts: new Map(), categories });
  for (const kind of ['income', 'expense'] as const) {
    expect(names.category(kind, 'c1')).toBe('expenses:Shopping');
    expect(names.category(kind, 'c2')).toBe('income:Salary');
  }
});
