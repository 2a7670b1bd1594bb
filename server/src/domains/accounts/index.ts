export { accountsRouter } from './accounts.router.ts';
export { AccountsService } from './accounts.service.ts';
