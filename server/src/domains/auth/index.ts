export { authEntities } from './auth.entity.ts';
export { authRouter } from './auth.router.ts';
export { AuthService } from './auth.service.ts';
