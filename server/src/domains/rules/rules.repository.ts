import type { RuleActions, RuleCondition, RuleOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, insertRows, type SqlValue } from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import type { RawRow } from '../ledger/index.ts';
import type { AskedRule } from './rules.rules.ts';

/** A rule as it is kept. */
export type RuleRecord = AskedRule & {
  userId: string;
  position: number;
  name: string;
  createdAtMs: number;
  updatedAtMs: number;
};

const COLUMNS = [
  'id',
  'user_id',
  'created_at',
  'position',
  'name',
  'conditions',
  'actions',
  'is_stop',
  'is_enabled',
  'updated_at',
] as const;
const MUTABLE_COLUMNS = COLUMNS.slice(3);

/** All rules of a person, in the order in which they are asked. */
export async function listRules(em: SqlEntityManager, userId: string): Promise<RuleRecord[]> {
  const rows = await em.execute<RawRow[]>('select * from rules where user_id = ? order by position, id', [userId]);
  return rows.map((row) => ({
    id: row['id'] as string,
    userId: row['user_id'] as string,
    position: Number(row['position']),
    name: row['name'] as string,
    conditions: JSON.parse(row['conditions'] as string) as RuleCondition[],
    actions: JSON.parse(row['actions'] as string) as RuleActions,
    isStop: Boolean(row['is_stop']),
    isEnabled: Boolean(row['is_enabled']),
    createdAtMs: Number(row['created_at']),
    updatedAtMs: Number(row['updated_at']),
  }));
}

export async function insertRule(em: SqlEntityManager, dialect: Dialect, rule: RuleRecord): Promise<void> {
  await insertRows(em, dialect, { table: 'rules', columns: COLUMNS, rows: [toRow(rule)] });
}

export async function updateRule(em: SqlEntityManager, rule: RuleRecord): Promise<void> {
  await em.execute(
    `update rules set ${MUTABLE_COLUMNS.map((column) => `${column} = ?`).join(', ')} where id = ? and user_id = ?`,
    [...toRow(rule).slice(-MUTABLE_COLUMNS.length), rule.id, rule.userId],
    'run',
  );
}

export async function deleteRule(em: SqlEntityManager, userId: string, id: string): Promise<void> {
  await em.execute('delete from rules where id = ? and user_id = ?', [id, userId], 'run');
}

function toRow(rule: RuleRecord): SqlValue[] {
  return [
    rule.id,
    rule.userId,
    rule.createdAtMs,
    rule.position,
    rule.name,
    JSON.stringify(rule.conditions),
    JSON.stringify(rule.actions),
    rule.isStop ? 1 : 0,
    rule.isEnabled ? 1 : 0,
    rule.updatedAtMs,
  ];
}

export function toRuleOut(rule: RuleRecord): RuleOut {
  const { userId: _owner, createdAtMs, updatedAtMs, conditions, ...rest } = rule;
  return { ...rest, conditions: [...conditions], createdAt: toInstant(createdAtMs), updatedAt: toInstant(updatedAtMs) };
}
