import { CATEGORY_DEPTH_MAX, type CategoryKind, type CategoryOut } from '@finverse/shared';
import { toInstant } from '../../kernel/clock.ts';
import { invalidField } from '../../kernel/errors.ts';
import type { CategoryRecord } from '../ledger/index.ts';

/** A person's categories by id. */
export type CategoryTree = ReadonlyMap<string, CategoryRecord>;

export function treeOf(categories: readonly CategoryRecord[]): CategoryTree {
  return new Map(categories.map((category) => [category.id, category]));
}

/** From the top down to the category itself. A circle, which nothing may write, ends where it begins. */
export function ancestry(tree: CategoryTree, id: string): CategoryRecord[] {
  const line: CategoryRecord[] = [];
  for (let category = tree.get(id); category && !line.includes(category);) {
    line.unshift(category);
    category = category.parentId === null ? undefined : tree.get(category.parentId);
  }
  return line;
}

/** The category and everything below it. */
export function withDescendants(tree: CategoryTree, id: string): string[] {
  const children = new Map<string, string[]>();
  for (const { id: childId, parentId } of tree.values()) {
    if (parentId !== null) children.set(parentId, [...(children.get(parentId) ?? []), childId]);
  }
  const found = new Set([id]);
  for (const each of found) for (const child of children.get(each) ?? []) found.add(child);
  return [...found];
}

/**
 * Checks a category, new or changed, against the tree that it becomes part of.
 *
 * @throws AppError VALIDATION_FAILED naming `parentId`, `kind` or `name`
 */
export function requirePlaceable(tree: CategoryTree, category: CategoryRecord): void {
  const { id, parentId, kind } = category;
  const parent = parentId === null ? null : tree.get(parentId);
  if (parent === undefined) throw invalidField('parentId', 'is no category');
  if (parent && withDescendants(tree, id).includes(parent.id)) {
    throw invalidField('parentId', 'must not be the category itself or one below it');
  }
  const depth = (parent ? ancestry(tree, parent.id).length : 0) + heightOf(tree, id);
  if (depth > CATEGORY_DEPTH_MAX) throw invalidField('parentId', `would make more than ${CATEGORY_DEPTH_MAX} levels`);
  if (parent && !allows(parent.kind, kind))
    throw invalidField('kind', `must be ${parent.kind}, like the category above it`);
  for (const other of tree.values()) {
    if (other.id === id) continue;
    if (other.parentId === id && !allows(kind, other.kind)) {
      throw invalidField('kind', `must allow ${other.kind}, which “${other.name}” below it is`);
    }
  }
  if (isNameTaken(tree, category)) throw invalidField('name', 'is that of another category at the same place');
}

/** True where another category of the same kind, which is not archived, has the name at the same place. */
export function isNameTaken(tree: CategoryTree, { id, parentId, kind, name }: CategoryRecord): boolean {
  return [...tree.values()].some(
    (other) =>
      other.id !== id &&
      other.parentId === parentId &&
      other.archivedAtMs === null &&
      other.kind === kind &&
      sameName(other.name, name),
  );
}

/** Whether what is below a category of one kind may be of another. */
function allows(upper: CategoryKind, lower: CategoryKind): boolean {
  return upper === 'both' || upper === lower;
}

function sameName(a: string, b: string): boolean {
  return a.normalize('NFKC').toLowerCase() === b.normalize('NFKC').toLowerCase();
}

/** Levels of the subtree; 1 for a category without any below it. */
function heightOf(tree: CategoryTree, id: string): number {
  const own = ancestry(tree, id).length || 1;
  const deepest = withDescendants(tree, id).map((each) => ancestry(tree, each).length);
  return Math.max(own, ...deepest) - own + 1;
}

export function toCategoryOut(tree: CategoryTree, category: CategoryRecord): CategoryOut {
  const line = ancestry(tree, category.id);
  return {
    id: category.id,
    parentId: category.parentId,
    name: category.name,
    kind: category.kind,
    icon: category.icon,
    color: category.color,
    depth: line.length,
    path: line.map(({ name }) => name).join(' / '),
    isSystem: category.systemKey !== null,
    archivedAt: category.archivedAtMs === null ? null : toInstant(category.archivedAtMs),
    createdAt: toInstant(category.createdAtMs),
    updatedAt: toInstant(category.updatedAtMs),
  };
}

/** A parent before its children, siblings by name. */
export function inTreeOrder(tree: CategoryTree): CategoryRecord[] {
  const keyOf = (category: CategoryRecord) =>
    ancestry(tree, category.id).map(({ name, id }) => `${name.toLowerCase()}\u0000${id}`);
  return [...tree.values()]
    .map((category) => ({ category, key: keyOf(category) }))
    .toSorted((a, b) => comparePaths(a.key, b.key))
    .map(({ category }) => category);
}

function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let level = 0; level < Math.min(a.length, b.length); level += 1) {
    const [left = '', right = ''] = [a[level], b[level]];
    if (left !== right) return left < right ? -1 : 1;
  }
  return a.length - b.length;
}
