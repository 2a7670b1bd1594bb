import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import { AppError } from '../../kernel/errors.ts';
import { findAccounts, listCategories, type TransactionRecord } from '../ledger/index.ts';
import { treeOf } from '../categories/index.ts';
import { applyRulesToDrafts } from '../rules/index.ts';
import { toRecord } from '../transactions/index.ts';
import { type Fault, fieldOf } from './interpret.ts';
import { findKnown } from './imports.repository.ts';
import type { ReadRow } from './read-drafts.ts';

/** What becomes of a row. */
export type Judged = { row: ReadRow } & (
  { outcome: 'new'; record: TransactionRecord } | { outcome: 'duplicate' } | { outcome: 'faulty'; faults: Fault[] }
);

type Judging = {
  dialect: Dialect;
  userId: string;
  source: string;
  /** Whether the person's rules decide categories, tags and texts of what is new. */
  appliesRules: boolean;
  /** The external ids of the rows before, for a preview, which writes none of them. */
  seen: Set<string>;
};

/**
 * Judges rows against the ledger as it is: new, there already, or at fault. What it finds holds for as long as the caller holds the ledger. What the
 * rules change makes no row another one: it is known again by what stands in the file.
 */
export async function judgeRows(
  em: SqlEntityManager,
  { dialect, userId, source, appliesRules, seen }: Judging,
  rows: readonly ReadRow[],
  { idOf, nowMs }: { idOf: (row: number) => string; nowMs: number },
): Promise<Judged[]> {
  const inputs = rows.flatMap(({ draft }) => (draft.kind === 'transaction' ? [draft.input] : []));
  const hashes = rows.flatMap(({ contentHash }) => contentHash ?? []);
  const externalIds = inputs.flatMap(({ externalId }) => externalId ?? []);
  const known = await findKnown(em, dialect, { userId, source, column: 'content_hash', values: hashes });
  const knownIds = await findKnown(em, dialect, { userId, source, column: 'external_id', values: externalIds });
  const accountIds = new Set(
    inputs.flatMap(({ accountId, transfer }) => [accountId, transfer?.toAccountId ?? accountId]),
  );
  const accounts = await findAccounts(em, dialect, userId, [...accountIds]);
  const ruled = appliesRules ? await applyRulesToDrafts(em, userId, inputs) : inputs;
  const drafts = new Map(inputs.map((input, index) => [input, ruled[index] ?? input]));
  const needsCategories = ruled.some(({ categoryId, splits }) => categoryId !== null || splits.length > 0);
  const categories = needsCategories ? treeOf(await listCategories(em, userId)) : new Map();
  const named = { accounts, categories };

  return rows.map((row): Judged => {
    const { draft, contentHash } = row;
    if (draft.kind === 'known') return { row, outcome: 'duplicate' };
    if (draft.kind === 'faulty') return { row, outcome: 'faulty', faults: draft.faults };
    const { externalId } = draft.input;
    if (externalId !== null && (knownIds.has(externalId) || seen.has(externalId))) return { row, outcome: 'duplicate' };
    if (contentHash !== null && known.has(contentHash)) return { row, outcome: 'duplicate' };
    try {
      const record = {
        ...toRecord(drafts.get(draft.input) ?? draft.input, named, { id: idOf(row.row), nowMs }),
        contentHash,
      };
      if (externalId !== null) seen.add(externalId);
      return { row, outcome: 'new', record };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const faults = error.details.map(({ path, message }) => ({ field: fieldOf(path.split('.')), message }));
      return { row, outcome: 'faulty', faults };
    }
  });
}
