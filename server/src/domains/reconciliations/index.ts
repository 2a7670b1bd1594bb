export { reconciliationEntities } from './reconciliations.entity.ts';
export { reconciliationsRouter } from './reconciliations.router.ts';
export { ReconciliationsService } from './reconciliations.service.ts';
