export { ruleEntities } from './rules.entity.ts';
export { rulesRouter } from './rules.router.ts';
export { RulesService } from './rules.service.ts';
/** @public what an import asks before it writes: drafts in, drafts out */
export { applyRulesToDrafts } from './rules.service.ts';
