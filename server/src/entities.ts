import { idempotencyEntities } from './db/index.ts';
import { authEntities } from './domains/auth/index.ts';
import { importEntities } from './domains/imports/index.ts';
import { ledgerEntities } from './domains/ledger/index.ts';
import { stakingEntities } from './domains/staking/index.ts';
import { userEntities } from './domains/users/index.ts';
import { syncEntities } from './sync/index.ts';

/** Every table of the server; the migrations follow from it. */
export const entities = [
  ...idempotencyEntities,
  ...userEntities,
  ...authEntities,
  ...ledgerEntities,
  ...importEntities,
  ...syncEntities,
  ...stakingEntities,
];
