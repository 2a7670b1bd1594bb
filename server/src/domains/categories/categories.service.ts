import {
  CATEGORIES_MAX,
  type CategoriesOut,
  type CategoriesQuery,
  type CategoryCreate,
  type CategoryDelete,
  type CategoryMergeOut,
  type CategoryOut,
  type CategoryUpdate,
} from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, readSnapshot, type UnitOfWork } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError, blaming, invalidField, invariant } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import {
  changesSince,
  type CategoryRecord,
  deleteCategory,
  describeReferences,
  ensureLedger,
  insertCategories,
  isFiledUnder,
  type Ledger,
  listCategories,
  openLedger,
  refileCategory,
  type References,
  touchCategories,
  updateCategory,
} from '../ledger/index.ts';
import type { CategoriesApi } from './categories.port.ts';
import {
  ancestry,
  type CategoryTree,
  inTreeOrder,
  requirePlaceable,
  toCategoryOut,
  treeOf,
  withDescendants,
} from './categories.rules.ts';

/** Categories: a tree of each person's own. */
export class CategoriesService implements CategoriesApi {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #references: readonly References[];

  constructor({
    database,
    clock,
    references,
  }: {
    database: Database;
    clock: Clock;
    references: readonly References[];
  }) {
    this.#database = database;
    this.#clock = clock;
    this.#references = references;
  }

  async list(userId: string, query: CategoriesQuery): Promise<CategoriesOut> {
    refuseWhatDoesNotGo(query);
    await ensureLedger(this.#database, { userId, nowMs: this.#clock.now() });
    const { kind, includeArchived, updatedSince } = query;
    if (updatedSince !== undefined) return this.#listChanged(userId, { ...query, updatedSince });
    const tree = treeOf(await listCategories(this.#database.em(), userId));
    const wanted = inTreeOrder(tree).filter(
      (category) =>
        (includeArchived || category.archivedAtMs === null) &&
        (kind === undefined || category.kind === kind || category.kind === 'both'),
    );
    return { items: wanted.map((category) => toCategoryOut(tree, category)), deleted: [], nextCursor: null };
  }

  #listChanged(userId: string, query: CategoriesQuery & { updatedSince: string }): Promise<CategoriesOut> {
    const { dialect } = this.#database;
    return readSnapshot(this.#database, async (em) => {
      const tree = treeOf(await listCategories(em, userId));
      const changes = { ...query, limit: query.limit ?? CATEGORIES_MAX };
      const { rows, deleted, nextCursor } = await changesSince({ em, dialect, userId }, 'category', changes);
      const changed = rows.map((row) => requireCategory(tree, row['id'] as string));
      return { items: changed.map((category) => toCategoryOut(tree, category)), deleted, nextCursor };
    });
  }

  async get(userId: string, id: string): Promise<CategoryOut> {
    const tree = treeOf(await listCategories(this.#database.em(), userId));
    return toCategoryOut(tree, requireCategory(tree, id));
  }

  async create(commit: UnitOfWork, userId: string, input: CategoryCreate): Promise<CategoryOut> {
    const [created] = await this.#create(commit, userId, [input], () => '');
    invariant(created, 'one item makes one category');
    return created;
  }

  createMany(commit: UnitOfWork, userId: string, items: readonly CategoryCreate[]): Promise<CategoryOut[]> {
    return this.#create(commit, userId, items, (index) => `items.${index}`);
  }

  #create(
    commit: UnitOfWork,
    userId: string,
    items: readonly CategoryCreate[],
    placeOf: (index: number) => string,
  ): Promise<CategoryOut[]> {
    return commit(async (em) => {
      const { ledger, tree } = await this.#open(em, userId);
      if (tree.size + items.length > CATEGORIES_MAX) {
        throw new AppError('CONFLICT', `A person has at most ${CATEGORIES_MAX} categories.`);
      }
      const grown = treeOf(tree.values());
      const created = items.map((item, index) => {
        const category: CategoryRecord = {
          ...item,
          kind: item.kind ?? grown.get(item.parentId ?? '')?.kind ?? 'both',
          id: newId('cat'),
          systemKey: null,
          archivedAtMs: null,
          createdAtMs: ledger.changedAtMs,
          updatedAtMs: ledger.changedAtMs,
        };
        atItem(placeOf(index), () => requirePlaceable(grown, category));
        grown.set(category.id, category);
        return category;
      });
      await insertCategories(em, ledger, created);
      return created.map((category) => toCategoryOut(grown, category));
    });
  }

  async update(commit: UnitOfWork, userId: string, { id, ...changes }: CategoryUpdate): Promise<CategoryOut> {
    return commit(async (em) => {
      const { ledger, tree } = await this.#open(em, userId);
      const before = requireCategory(tree, id);
      const category: CategoryRecord = {
        ...before,
        name: changes.name ?? before.name,
        kind: changes.kind ?? before.kind,
        parentId: changes.parentId === undefined ? before.parentId : changes.parentId,
        icon: changes.icon === undefined ? before.icon : changes.icon,
        color: changes.color === undefined ? before.color : changes.color,
        updatedAtMs: ledger.changedAtMs,
      };
      requirePlaceable(tree, category);
      await updateCategory(em, ledger, category);
      const isPathChanged = category.name !== before.name || category.parentId !== before.parentId;
      if (isPathChanged) await touchCategories(em, ledger, below(tree, id));
      return toCategoryOut(treeOf(tree.values()).set(id, category), category);
    });
  }

  async setArchived(
    commit: UnitOfWork,
    userId: string,
    input: { id: string; isArchived: boolean },
  ): Promise<CategoryOut> {
    return commit(async (em) => {
      const { ledger, tree } = await this.#open(em, userId);
      requireCategory(tree, input.id);
      const next = treeOf(tree.values());
      // None is left below one that is archived.
      const above = input.isArchived ? [] : ancestry(tree, input.id).map(({ id }) => id);
      for (const id of new Set([...above, ...withDescendants(tree, input.id)])) {
        const category = requireCategory(tree, id);
        if ((category.archivedAtMs !== null) === input.isArchived) continue;
        const archivedAtMs = input.isArchived ? ledger.changedAtMs : null;
        next.set(id, { ...category, archivedAtMs, updatedAtMs: ledger.changedAtMs });
        if (!input.isArchived) requireFreeName(next, requireCategory(next, id));
        await updateCategory(em, ledger, requireCategory(next, id));
      }
      return toCategoryOut(next, requireCategory(next, input.id));
    });
  }

  async remove(commit: UnitOfWork, userId: string, { id, moveTo }: CategoryDelete): Promise<void> {
    await commit(async (em) => {
      const { ledger, tree } = await this.#open(em, userId);
      const category = requireCategory(tree, id);
      if (withDescendants(tree, id).length > 1) {
        throw new AppError('CATEGORY_IN_USE', 'The category has others below it: move or delete those first.');
      }
      if (moveTo !== undefined && moveTo !== null) requireTarget(tree, category, { id: moveTo, path: 'moveTo' });
      if (moveTo === undefined) await this.#requireUnused(em, userId, id);
      else await blaming('moveTo', () => this.#replace(em, ledger, { fromId: id, toId: moveTo }));
      await deleteCategory(em, ledger, id);
      return {};
    });
  }

  async merge(
    commit: UnitOfWork,
    userId: string,
    { id, intoId }: { id: string; intoId: string },
  ): Promise<CategoryMergeOut> {
    return commit(async (em) => {
      const { ledger, tree } = await this.#open(em, userId);
      const category = requireCategory(tree, id);
      const into = requireTarget(tree, category, { id: intoId, path: 'intoId' });
      if (withDescendants(tree, id).includes(intoId)) throw invalidField('intoId', 'must not be below the category');
      const next = treeOf(tree.values());
      for (const child of tree.childrenOf(id)) {
        const moved = { ...child, parentId: intoId, updatedAtMs: ledger.changedAtMs };
        await blaming('intoId', async () => requirePlaceable(next, moved));
        next.set(child.id, moved);
        await updateCategory(em, ledger, moved);
        await touchCategories(em, ledger, below(tree, child.id));
      }
      const movedEntries = await blaming('intoId', () => this.#replace(em, ledger, { fromId: id, toId: intoId }));
      await deleteCategory(em, ledger, id);
      next.delete(id);
      return { into: toCategoryOut(next, into), movedEntries };
    });
  }

  /** @throws AppError CATEGORY_IN_USE naming what files under the category */
  async #requireUnused(em: SqlEntityManager, userId: string, id: string): Promise<void> {
    const named = await describeReferences(this.#references, (each) => each.countCategory(em, userId, id));
    const hasEntries = await isFiledUnder(em, userId, id);
    if (named === '' && !hasEntries) return;
    const uses = [hasEntries ? 'has transactions' : '', named && `is named by ${named}`].filter(Boolean).join(' and ');
    throw new AppError('CATEGORY_IN_USE', `The category ${uses}: say where they go.`, {
      details: [{ path: 'moveTo', message: 'is needed: another category, or null for none' }],
    });
  }

  /** Files whatever is, or will be, under one category under another, or under none. Answers how many entries moved. */
  async #replace(
    em: SqlEntityManager,
    ledger: Ledger,
    change: { fromId: string; toId: string | null },
  ): Promise<number> {
    for (const each of this.#references) await each.replaceCategory(em, ledger, change);
    return refileCategory(em, ledger, change);
  }

  async #open(em: SqlEntityManager, userId: string): Promise<{ ledger: Ledger; tree: CategoryTree }> {
    const ledger = await openLedger(em, this.#database.dialect, { userId, nowMs: this.#clock.now() });
    return { ledger, tree: treeOf(await listCategories(em, userId)) };
  }
}

/** What is below a category, whose paths begin with its own. */
function below(tree: CategoryTree, id: string): string[] {
  return withDescendants(tree, id).filter((each) => each !== id);
}

function requireCategory(tree: CategoryTree, id: string): CategoryRecord {
  const category = tree.get(id);
  if (!category) throw new AppError('NOT_FOUND', 'There is no such category.');
  return category;
}

/** @throws AppError VALIDATION_FAILED for a filter beside `updatedSince`, which a client that keeps a copy would lose changes by, and for a page of all */
function refuseWhatDoesNotGo({ kind, limit, cursor, updatedSince }: CategoriesQuery): void {
  const [refused, message] =
    updatedSince === undefined
      ? [{ limit, cursor }, 'goes with a list of changes alone']
      : [{ kind }, 'does not go with a list of changes'];
  for (const [name, value] of Object.entries(refused)) if (value !== undefined) throw invalidField(name, message);
}

/** @throws AppError CONFLICT where another category has taken the name meanwhile. */
function requireFreeName(tree: CategoryTree, category: CategoryRecord): void {
  if (!tree.isNameTaken(category)) return;
  throw new AppError('CONFLICT', `Another category is called “${category.name}” at the same place; rename it first.`);
}

/** Where the transactions of another category may go. @throws AppError VALIDATION_FAILED naming `path` */
function requireTarget(tree: CategoryTree, from: CategoryRecord, target: { id: string; path: string }): CategoryRecord {
  const category = tree.get(target.id);
  if (!category) throw invalidField(target.path, 'is no category');
  if (category.id === from.id) throw invalidField(target.path, 'must be another category');
  if (category.archivedAtMs !== null) throw invalidField(target.path, 'is archived');
  return category;
}

/** Puts the place of an item before the fields that a refusal names. */
function atItem(place: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof AppError) || place === '') throw error;
    const details = error.details.map(({ path, message }) => ({ path: `${place}.${path}`, message }));
    throw new AppError(error.code, error.message, { details, cause: error });
  }
}
