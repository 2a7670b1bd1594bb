import { CATEGORY_DEPTH_MAX } from '@finverse/shared';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '../../kernel/errors.ts';
import type { CategoryRecord } from '../ledger/index.ts';
import {
  ancestry,
  type CategoryTree,
  inTreeOrder,
  requirePlaceable,
  treeOf,
  withDescendants,
} from './categories.rules.ts';

const category = (id: string, fields: Partial<CategoryRecord> = {}): CategoryRecord => ({
  id,
  parentId: null,
  name: id,
  kind: 'both',
  icon: null,
  color: null,
  systemKey: null,
  archivedAtMs: null,
  createdAtMs: 0,
  updatedAtMs: 0,
  ...fields,
});
const refusedAt = (tree: CategoryTree, each: CategoryRecord): string[] => {
  try {
    requirePlaceable(tree, each);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.details.map(({ path }) => path);
  }
};

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

test('whatever is put below whatever, the tree stays one: no circle, no more levels than there may be, kinds that allow each other', () => {
  const kind = fc.constantFrom('income', 'expense', 'both');
  const step = fc.record({
    id: fc.constantFrom(...IDS),
    parentId: fc.option(fc.constantFrom(...IDS)),
    kind,
    name: fc.constantFrom('x', 'X', 'y', 'z'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const tree = treeOf([]);
      for (const { id, ...fields } of steps) {
        const next = category(id, fields);
        if (refusedAt(tree, next).length === 0) tree.set(id, next);
      }
      for (const each of tree.values()) {
        const line = ancestry(tree, each.id);
        expect(line[0]?.parentId).toBeNull();
        expect(line.length).toBeLessThanOrEqual(CATEGORY_DEPTH_MAX);
        const parent = each.parentId === null ? null : tree.get(each.parentId);
        expect(parent).not.toBeUndefined();
        expect(!parent || parent.kind === 'both' || parent.kind === each.kind).toBe(true);
        expect(tree.isNameTaken(each)).toBe(false);
        const below = withDescendants(tree, each.id);
        expect(below.toSorted()).toEqual(
          [...tree.keys()].filter((id) => ancestry(tree, id).some((above) => above.id === each.id)).toSorted(),
        );
      }
      const order = inTreeOrder(tree).map(({ id }) => id);
      expect(order.toSorted()).toEqual([...tree.keys()].toSorted());
      for (const { id, parentId } of tree.values()) {
        if (parentId !== null) expect(order.indexOf(parentId)).toBeLessThan(order.indexOf(id));
      }
    }),
    { numRuns: 300 },
  );
});

test('moving a thousand siblings elsewhere looks at each a few times, not at all of them for each', () => {
  let looks = 0;
  const counted = (id: string, parentId: string): CategoryRecord =>
    Object.defineProperties(category(id), {
      parentId: { enumerable: true, get: () => ((looks += 1), parentId) },
      name: { enumerable: true, get: () => ((looks += 1), id) },
    });
  const children = Array.from({ length: 1000 }, (_, index) => counted(`c${index}`, 'from'));
  const tree = treeOf([category('from'), category('to'), ...children]);
  for (const child of tree.childrenOf('from')) {
    const moved = counted(child.id, 'to');
    expect(refusedAt(tree, moved)).toEqual([]);
    tree.set(child.id, moved);
  }
  expect(tree.childrenOf('from')).toEqual([]);
  expect(withDescendants(tree, 'to')).toHaveLength(1001);
  expect(inTreeOrder(tree)).toHaveLength(1002);
  expect(looks).toBeLessThan(1000 * 40);
});

test('a circle that something else has written ends where it begins', () => {
  const tree = treeOf([category('a', { parentId: 'b' }), category('b', { parentId: 'a' })]);
  expect(ancestry(tree, 'a').map(({ id }) => id)).toEqual(['b', 'a']);
  expect(withDescendants(tree, 'a')).toEqual(['a', 'b']);
});

test('a whole subtree counts when it is moved', () => {
  const line = ['a', 'b', 'c'].map((id, index) => category(id, { parentId: ['a', 'b', 'c'][index - 1] ?? null }));
  const tree = treeOf([...line, category('t'), category('u', { parentId: 't' })]);
  expect(refusedAt(tree, category('a', { parentId: 't' }))).toEqual([]);
  expect(refusedAt(tree, category('a', { parentId: 'u' }))).toEqual(['parentId']);
});

test('a name is taken whatever its case and composition, by what is there and of the same kind', () => {
  const tree = treeOf([category('a', { name: 'Läden' }), category('b', { name: 'Old', archivedAtMs: 1 })]);
  expect(refusedAt(tree, category('c', { name: 'LA\u0308DEN' }))).toEqual(['name']);
  expect(refusedAt(tree, category('c', { name: 'Läden', kind: 'income' }))).toEqual([]);
  expect(refusedAt(tree, category('c', { name: 'Läden', parentId: 'a' }))).toEqual([]);
  expect(refusedAt(tree, category('c', { name: 'Old' }))).toEqual([]);
});
