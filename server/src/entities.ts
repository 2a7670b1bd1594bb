import { idempotencyEntities } from './db/index.ts';
import { authEntities } from './domains/auth/index.ts';
import { importEntities } from './domains/imports/index.ts';
import { ledgerEntities } from './domains/ledger/index.ts';
import { mailEntities } from './domains/mail/index.ts';
import { rateEntities } from './domains/rates/index.ts';
import { reconciliationEntities } from './domains/reconciliations/index.ts';
import { recurringEntities } from './domains/recurring/index.ts';
import { ruleEntities } from './domains/rules/index.ts';
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
  ...mailEntities,
  ...rateEntities,
  ...reconciliationEntities,
  ...recurringEntities,
  ...ruleEntities,
  ...syncEntities,
  ...stakingEntities,
];
