export * from './auth.ts';
export * from './common.ts';
export * from './errors.ts';
export * from './money.ts';
export * from './scopes.ts';
export * from './staking.ts';
export * from './sync.ts';
export * from './users.ts';
