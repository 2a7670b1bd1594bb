import { defineEntity, p } from '@mikro-orm/core';
import { epochMsColumn, idColumn } from '../../db/index.ts';
import { UserSchema } from '../users/index.ts';

/** What is done to transactions for which conditions hold. Conditions and actions are JSON. */
export const RuleSchema = defineEntity({
  name: 'Rule',
  tableName: 'rules',
  indexes: [{ properties: ['user', 'position', 'id'] }],
  properties: {
    id: idColumn().primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade'),
    position: p.integer(),
    name: p.string().length(100),
    conditions: p.text(),
    actions: p.text(),
    isStop: p.boolean(),
    isEnabled: p.boolean(),
    createdAt: epochMsColumn(),
    updatedAt: epochMsColumn(),
  },
});

export const ruleEntities = [RuleSchema];
