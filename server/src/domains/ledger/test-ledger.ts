import {
  type AccountCreate,
  accountCreateInput,
  transactionCreateInput,
  type TransactionCreate,
} from '@finverse/shared';
import type { z } from 'zod';
import { type Database, transact, type UnitOfWork } from '../../db/index.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { createLedgerServices } from '../../ledger-services.ts';
import { insertUser } from '../users/index.ts';

// Test support: the services of the ledger on a real database, and people to own one.

export type Draft = z.input<typeof transactionCreateInput>;

export type TestLedger = ReturnType<typeof ledgerOn>;

/** The ledger's services on a migrated database, with the files of imports in a folder of their own unless one is named. */
export function ledgerOn(database: Database, clock: Clock = systemClock, importsFolder?: string) {
  const commit: UnitOfWork = (work) => transact(database, work);
  return {
    ...createLedgerServices({ database, clock, ...(importsFolder === undefined ? {} : { importsFolder }) }),
    commit,
    /** A person who did not exist before. */
    async person(name = `p${(people += 1)}`): Promise<string> {
      const { id } = await insertUser(database.em(), {
        email: `${name}@example.test`,
        role: 'user',
        passwordHash: '',
        createdAtMs: clock.now(),
      });
      return id;
    },
  };
}

let people = 0;

/** An input as the router hands it on: defaults filled in. */
export function draft(fields: Draft): TransactionCreate {
  return transactionCreateInput.parse(fields);
}

/** What an account is opened with, as the router hands it on: a wallet of euros with nothing in it, unless something else is said. */
export function accountFields(fields: Partial<z.input<typeof accountCreateInput>> = {}): AccountCreate {
  return accountCreateInput.parse({ name: 'Cash', type: 'wallet', currency: 'EUR', ...fields });
}
