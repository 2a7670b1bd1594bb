export { integrityRouter } from './integrity.router.ts';
export { IntegrityService } from './integrity.service.ts';
