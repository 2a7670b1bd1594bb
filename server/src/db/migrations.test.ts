import { expect, test } from 'vitest';
import { entities } from '../entities.ts';
import type { Database } from './orm.ts';
import { describeDrivers } from './test-databases.ts';

const migrated = async (database: Database) =>
  (await database.em().execute<{ name: string }[]>('select name from mikro_orm_migrations order by id')).map(
    ({ name }) => name,
  );

describeDrivers(['sqlite', 'mariadb', 'mysql'], (databases) => {
  const differences = (database: Database) => database.orm.schema.getUpdateSchemaSQL({ wrap: false });

  test('the migrations make exactly the schema that the entities describe: nothing is left to change', async () => {
    const database = await databases.open(entities);
    await database.migrate();
    // MikroORM's mysql driver misreads how MariaDB reports a nullable column, so there it sees changes in what it has just made itself.
    const made = await databases.open(entities);
    await made.orm.schema.create();
    const expected = databases.driver === 'mysql' ? await differences(made) : '';
    expect(await differences(database)).toBe(expected);
  });

  test('migrating again, also by another process, does nothing', async () => {
    const url = await databases.newUrl();
    const first = await databases.open(entities, url);
    await first.migrate();
    const names = await migrated(first);
    expect(names.length).toBeGreaterThan(0);
    await first.em().execute(`insert into sync_runs (id, cycle) values ('cyc_1', '{}')`, [], 'run');
    await first.migrate();
    const second = await databases.open(entities, url);
    await second.migrate();
    expect(await migrated(second)).toEqual(names);
    const kept = await second.em().execute('select id from sync_runs');
    expect(kept).toEqual([{ id: 'cyc_1' }]);
  });

  // Two processes never share an SQLite file: the data folder's lock sees to it.
  if (databases.driver === 'sqlite') return;

  test('replicas that start at once on an empty database all find it migrated, once', async () => {
    const url = await databases.newUrl();
    const replicas = await Promise.all([1, 2, 3].map(() => databases.open(entities, url)));
    await Promise.all(replicas.map((database) => database.migrate()));
    const names = await migrated(replicas[0] as Database);
    expect(names.length).toBeGreaterThan(0);
    expect(new Set(names).size).toBe(names.length);
  });
});
