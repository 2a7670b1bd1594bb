import type { CategoryKind } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { newId } from '../../kernel/ids.ts';
import { insertCategories } from './category-store.ts';
import type { CategoryRecord, Ledger } from './ledger.types.ts';

type Starter = { key: string; name: string; icon: string; children?: readonly Starter[] };

/** What every person starts with, and may rename, move or delete like any other. */
const SETS: Record<Exclude<CategoryKind, 'both'>, readonly Starter[]> = {
  income: [
    { key: 'salary', name: 'Salary', icon: 'briefcase' },
    { key: 'business', name: 'Business', icon: 'store' },
    { key: 'interest', name: 'Interest & dividends', icon: 'percent' },
    { key: 'staking-rewards', name: 'Staking rewards', icon: 'layers' },
    { key: 'refunds', name: 'Refunds', icon: 'undo' },
    { key: 'gifts-received', name: 'Gifts received', icon: 'gift' },
    { key: 'other-income', name: 'Other income', icon: 'plus' },
  ],
  expense: [
    {
      key: 'home',
      name: 'Home',
      icon: 'home',
      children: [
        { key: 'rent', name: 'Rent & mortgage', icon: 'key' },
        { key: 'utilities', name: 'Utilities', icon: 'plug' },
        { key: 'internet-phone', name: 'Internet & phone', icon: 'wifi' },
        { key: 'furnishing', name: 'Furnishing & repairs', icon: 'hammer' },
      ],
    },
    {
      key: 'food',
      name: 'Food',
      icon: 'utensils',
      children: [
        { key: 'groceries', name: 'Groceries', icon: 'shopping-basket' },
        { key: 'restaurants', name: 'Restaurants', icon: 'coffee' },
      ],
    },
    {
      key: 'transport',
      name: 'Transport',
      icon: 'bus',
      children: [
        { key: 'public-transport', name: 'Public transport', icon: 'train' },
        { key: 'car', name: 'Car & fuel', icon: 'car' },
      ],
    },
    { key: 'health', name: 'Health', icon: 'heart' },
    { key: 'insurance', name: 'Insurance', icon: 'shield' },
    { key: 'shopping', name: 'Shopping', icon: 'shopping-bag' },
    { key: 'leisure', name: 'Leisure', icon: 'music' },
    { key: 'travel', name: 'Travel', icon: 'plane' },
    { key: 'education', name: 'Education', icon: 'book' },
    { key: 'gifts-given', name: 'Gifts & donations', icon: 'gift' },
    { key: 'fees', name: 'Fees & interest', icon: 'receipt' },
    { key: 'taxes', name: 'Taxes', icon: 'landmark' },
    { key: 'other-expenses', name: 'Other expenses', icon: 'minus' },
  ],
};

/** Gives a new ledger the categories to start from. */
export async function insertStartingSet(em: SqlEntityManager, ledger: Ledger): Promise<void> {
  const records: CategoryRecord[] = [];
  const add = (starter: Starter, kind: CategoryKind, parentId: string | null) => {
    const id = newId('cat');
    records.push({
      id,
      parentId,
      name: starter.name,
      kind,
      icon: starter.icon,
      color: null,
      systemKey: starter.key,
      archivedAtMs: null,
      createdAtMs: ledger.changedAtMs,
      updatedAtMs: ledger.changedAtMs,
    });
    for (const child of starter.children ?? []) add(child, kind, id);
  };
  for (const kind of ['income', 'expense'] as const) for (const starter of SETS[kind]) add(starter, kind, null);
  await insertCategories(em, ledger, records);
}
