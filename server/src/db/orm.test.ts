import { expect, test } from 'vitest';
import { freePort } from '../../../e2e/support/mariadb.ts';
import { entities } from '../entities.ts';
import { SettingsError } from '../kernel/errors.ts';
import { openDatabase } from './orm.ts';
import { describeDrivers } from './test-databases.ts';

const faultOf = async (url: string): Promise<string> => {
  const error: unknown = await openDatabase({ url, entities }).then(
    (database) => database.close().then(() => null),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SettingsError);
  return (error as SettingsError).message;
};

test.each(['postgres://u:p@db/x', 'mongodb://db', 'finverse.sqlite', ''])(
  'the scheme of %j is refused with those that there are',
  async (url) => {
    expect(await faultOf(url)).toMatch(
      /^DATABASE_URL: unknown scheme .*; use mysql:\/\/, mariadb:\/\/ or sqlite:FILE$/,
    );
  },
);

test('a server that does not answer, a URL without a database and a file that cannot be opened are each named, without the password', async () => {
  const port = await freePort();
  for (const scheme of ['mysql', 'mariadb']) {
    expect(await faultOf(`${scheme}://root:hunter2@127.0.0.1:${port}/finverse`)).toMatch(
      /^DATABASE_URL: .*does not answer \(ECONNREFUSED\)(?!.*hunter2)/,
    );
    expect(await faultOf(`${scheme}://root:hunter2@127.0.0.1:${port}`)).toMatch(
      /^DATABASE_URL: names no database(?!.*hunter2)/,
    );
  }
  expect(await faultOf('sqlite:/dev/null/finverse.sqlite')).toMatch(/^DATABASE_URL: cannot open the SQLite file/);
});

describeDrivers(['mariadb', 'mysql'], (databases) => {
  test('whatever the server’s own mode: no value ends its quotes, and none that does not fit is cut', async () => {
    const server = await databases.server();
    const [mode = ''] = (await server.sql('select @@global.sql_mode')).split('\n');
    try {
      await server.sql(`set global sql_mode = 'NO_BACKSLASH_ESCAPES'`);
      const database = await databases.open(entities);
      const hostile = `x' or '1' = '1`;
      expect(await database.em().execute('select ? as value', [hostile])).toEqual([{ value: hostile }]);
      await database.migrate();
      const insert = `insert into sync_leases (name, holder, fencing_token, expires_at) values (?, '', 0, 0)`;
      await expect(database.em().execute(insert, ['n'.repeat(33)], 'run')).rejects.toThrow(/Data too long/);
    } finally {
      await server.sql(`set global sql_mode = '${mode.trim()}'`);
    }
  });

  test('whatever the server’s own time zone, sessions count in UTC', async () => {
    const server = await databases.server();
    const [zone = ''] = (await server.sql('select @@global.time_zone')).split('\n');
    try {
      await server.sql(`set global time_zone = '+05:45'`);
      const database = await databases.open(entities);
      const [row] = await database
        .em()
        .execute<{ zone: string; apart: number }[]>(
          'select @@session.time_zone as zone, timestampdiff(minute, utc_timestamp(), now()) as apart',
        );
      expect(row).toEqual({ zone: '+00:00', apart: 0 });
    } finally {
      await server.sql(`set global time_zone = '${zone.trim()}'`);
    }
  });
});
