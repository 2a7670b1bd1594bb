import { CATEGORY_DEPTH_MAX, type CategoryKind, type CategoryOut } from '@finverse/shared';
import { toInstant } from '../../kernel/clock.ts';
import { invalidField } from '../../kernel/errors.ts';
import type { CategoryRecord } from '../ledger/index.ts';

/** A person's categories by id, which knows what is below what and which names are taken without going through all of them. */
export type CategoryTree = Omit<GrowingTree, 'set' | 'delete' | 'clear'>;

/** A {@link CategoryTree} that changes, each change in the same few steps whatever its size. */
export class GrowingTree extends Map<string, CategoryRecord> {
  readonly #children = new Map<string, Set<string>>();
  /** Made when it is first asked for: most readers of a tree ask for no names. */
  #places: Map<string, Set<string>> | null = null;

  override set(id: string, category: CategoryRecord): this {
    this.delete(id);
    addTo(this.#children, category.parentId ?? TOP, id);
    if (this.#places) addPlace(this.#places, category);
    return super.set(id, category);
  }

  override delete(id: string): boolean {
    const category = this.get(id);
    if (category) {
      this.#children.get(category.parentId ?? TOP)?.delete(id);
      this.#places?.get(placeOf(category))?.delete(id);
    }
    return super.delete(id);
  }

  /** What is right below a category. */
  childrenOf(id: string): CategoryRecord[] {
    return [...(this.#children.get(id) ?? [])].flatMap((childId) => this.get(childId) ?? []);
  }

  /** True where another category of the same kind, which is not archived, has the name at the same place. */
  isNameTaken(category: CategoryRecord): boolean {
    if (!this.#places) {
      this.#places = new Map();
      for (const each of this.values()) addPlace(this.#places, each);
    }
    const ids = this.#places.get(placeOf(category));
    return ids !== undefined && ids.size > (ids.has(category.id) ? 1 : 0);
  }
}

/** Instead of a parent's id. */
const TOP = '';

/** What no two categories that are not archived may have in common: parent, kind, and the name whatever its case and composition. */
function placeOf({ parentId, kind, name }: CategoryRecord): string {
  return `${parentId ?? TOP} ${kind} ${name.normalize('NFKC').toLowerCase()}`;
}

function addPlace(places: Map<string, Set<string>>, category: CategoryRecord): void {
  if (category.archivedAtMs === null) addTo(places, placeOf(category), category.id);
}

function addTo(sets: Map<string, Set<string>>, key: string, id: string): void {
  const known = sets.get(key);
  if (known) known.add(id);
  else sets.set(key, new Set([id]));
}

export function treeOf(categories: Iterable<CategoryRecord>): GrowingTree {
  const tree = new GrowingTree();
  for (const category of categories) tree.set(category.id, category);
  return tree;
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
  const found = new Set([id]);
  for (const each of found) for (const child of tree.childrenOf(each)) found.add(child.id);
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
  const isPlacedAnew = tree.get(id)?.parentId !== parentId;
  if (parent && parent.archivedAtMs !== null && category.archivedAtMs === null && isPlacedAnew)
    throw invalidField('parentId', 'is archived: restore it first');
  const depth = (parent ? ancestry(tree, parent.id).length : 0) + heightOf(tree, id);
  if (depth > CATEGORY_DEPTH_MAX) throw invalidField('parentId', `would make more than ${CATEGORY_DEPTH_MAX} levels`);
  if (parent && !allows(parent.kind, kind))
    throw invalidField('kind', `must be ${parent.kind}, like the category above it`);
  for (const child of tree.childrenOf(id)) {
    if (!allows(kind, child.kind))
      throw invalidField('kind', `must allow ${child.kind}, which “${child.name}” below it is`);
  }
  // The name of what is archived is free for others; restored, it must be free again.
  if (category.archivedAtMs === null && tree.isNameTaken(category))
    throw invalidField('name', 'is that of another category at the same place');
}

/** Whether what is below a category of one kind may be of another. */
function allows(upper: CategoryKind, lower: CategoryKind): boolean {
  return upper === 'both' || upper === lower;
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
