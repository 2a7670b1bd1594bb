export { ruleEntities } from './rules.entity.ts';
export { ruleReferences } from './rules.references.ts';
export { rulesRouter } from './rules.router.ts';
export { RulesService } from './rules.service.ts';
export { applyRulesToDrafts, readRules } from './rules.service.ts';
export type { ReadyRules } from './rules.rules.ts';
