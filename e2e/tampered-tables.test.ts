import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stakeAs } from './support/chain-actor.ts';
import { hasMariaDb, type MariaDb, startMariaDb } from './support/mariadb.ts';
import { waitFor } from './support/poll.ts';
import type { Conflict, SyncWorld } from './support/sync-world.ts';
import type { Tables } from './support/tables.ts';
import { accountAddress, isHealthy, NEWCOMER, TOKEN, withWorld } from './support/world-with-history.ts';

describe('somebody changes the tables behind the server', () => {
  describe('on SQLite', () => {
    tampering(() => Promise.resolve(undefined));
  });
  describe.runIf(hasMariaDb())('on MariaDB', () => {
    let mariaDb: MariaDb;
    beforeAll(async () => {
      mariaDb = await startMariaDb();
    });
    afterAll(() => mariaDb?.stop());
    tampering(() => mariaDb.createDatabase());
  });
});

type Tampering = {
  title: string;
  tamper: (tables: Tables) => Promise<void>;
  /** What the audit trail must say, for the position at stake. */
  conflict: { reason?: string; before: RegExp; after: RegExp } | null;
};

const owner = accountAddress(NEWCOMER).toLowerCase();
const phantom = '0x00000000000000000000000000000000000000aa';

/** The newcomer has three stakes, of 5, 6 and 7 tokens; account 9 has one single stake of 8. */
const tamperings: Tampering[] = [
  {
    title: 'an amount',
    tamper: (tables) => tables.run(`update stakes set amount_raw = '1' where ref = ?`, [`${owner}:1`]),
    conflict: {
      reason: 'row_differed_from_facts',
      before: /"amountRaw":"1"/,
      after: /"amountRaw":"6000000000000000000"/,
    },
  },
  {
    title: 'the flag of a claim',
    tamper: (tables) => tables.run('update stakes set reward_claimed = 1 where ref = ?', [`${owner}:1`]),
    conflict: { reason: 'row_differed_from_facts', before: /"rewardClaimed":true/, after: /"rewardClaimed":false/ },
  },
  {
    title: 'a row away, of an owner of several',
    tamper: (tables) => tables.run('delete from stakes where ref = ?', [`${owner}:1`]),
    conflict: { reason: 'row_differed_from_facts', before: /^null$/, after: /"amountRaw":"6000000000000000000"/ },
  },
  {
    title: 'the only row of an owner away',
    tamper: (tables) => tables.run('delete from stakes where owner_address = ?', [accountAddress(9).toLowerCase()]),
    conflict: { before: /^null$/, after: /"amountRaw":"8000000000000000000"/ },
  },
  {
    title: 'a phantom in',
    tamper: async (tables) => {
      const [row] = await tables.rows('select * from stakes where ref = ?', [`${owner}:1`]);
      const copy = { ...row, id: 'pos_phantom', owner_address: phantom, position_key: '0', ref: `${phantom}:0` };
      const names = Object.keys(copy);
      await tables.run(
        `insert into stakes (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
        Object.values(copy),
      );
    },
    conflict: { before: /"amountRaw":"6000000000000000000"/, after: /^null$/ },
  },
  {
    title: 'a log away',
    tamper: (tables) => tables.run(`delete from staking_logs where ref = ?`, [`${owner}:1`]),
    conflict: null,
  },
];

function tampering(databaseUrl: () => Promise<string | undefined>): void {
  for (const { title, tamper, conflict } of tamperings) {
    it(`${title}: a cycle makes the tables equal to the contract, tells before and after, and the next finds nothing`, async () => {
      const url = await databaseUrl();
      await withWorld(
        async (world) => {
          for (const amount of [5n, 6n, 7n]) await stakeAs(world.rpcUrl, NEWCOMER, amount * TOKEN);
          await stakeAs(world.rpcUrl, 9, 8n * TOKEN);
          await world.caughtUp();
          await world.server().post('/sync/stop');
          await world.withTables(tamper);
          const { body: cycle } = await world.server().post<{ outcome: string }>('/sync/run-cycle');
          expect(cycle.outcome).toBe('succeeded');
          await world.expectEqualToContract({ corrected: true });
          const conflicts = await world.server().list<Conflict>('/sync/conflicts?limit=50');
          if (conflict === null) expect(conflicts).toEqual([]);
          else {
            expect(conflicts, 'the audit trail').toHaveLength(1);
            expect(conflicts[0]?.before).toMatch(conflict.before);
            expect(conflicts[0]?.after).toMatch(conflict.after);
            if (conflict.reason) expect(conflicts[0]?.reason).toBe(conflict.reason);
          }
          expect(await rowsWrittenByIdleRuns(world), 'rows written without a difference').toEqual([]);
        },
        url === undefined ? {} : { databaseUrl: url },
      );
    });
  }

  it('nothing: cycles while sync runs write no row', async () => {
    const url = await databaseUrl();
    await withWorld(
      async (world) => {
        await waitFor('a healthy cycle', () => isHealthy(world));
        // Health may say so before the cycle has written down what it changed; the answer of one comes after.
        await world.server().post('/sync/run-cycle');
        expect(await rowsWrittenByIdleRuns(world), 'rows written without a difference').toEqual([]);
      },
      url === undefined ? {} : { databaseUrl: url },
    );
  });
}

/** The rows that three idle cycles wrote or removed. */
async function rowsWrittenByIdleRuns(world: SyncWorld): Promise<string[]> {
  const before = await world.withTables((tables) => tables.dump());
  for (let run = 0; run < 3; run += 1) {
    const { body } = await world.server().post<Record<string, unknown>>('/sync/run-cycle');
    expect(body).toMatchObject({
      outcome: 'succeeded',
      facts_applied: 0,
      creates: 0,
      updates: 0,
      deletes: 0,
      conflicts: 0,
    });
  }
  const after = await world.withTables((tables) => tables.dump());
  return [...after.filter((row) => !before.includes(row)), ...before.filter((row) => !after.includes(row))];
}
