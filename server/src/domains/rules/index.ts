export { ruleEntities } from './rules.entity.ts';
export { ruleReferences } from './rules.references.ts';
export { rulesRouter } from './rules.router.ts';
export { RulesService } from './rules.service.ts';
export { applyRulesToDrafts } from './rules.service.ts';
