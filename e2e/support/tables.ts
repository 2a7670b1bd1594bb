import { openDatabase } from '../../server/src/db/index.ts';
import { entities } from '../../server/src/entities.ts';

type Row = Record<string, unknown>;

/** The server's tables, seen past the server. */
export type Tables = {
  rows(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  run(sql: string, values?: readonly unknown[]): Promise<void>;
  /** Every row of every table, in a fixed order, each as a line: two dumps are equal exactly when nothing was written. */
  dump(): Promise<string[]>;
  close(): Promise<void>;
};

/** The heartbeat of the lease moves by itself on a database that several processes may share, and takes with it what its holder finds wrong; no run writes it. */
const HEARTBEAT = { table: 'sync_leases', columns: ['expires_at', 'faults'] };

/** Opens the database beside the server. Close it before the server is killed: an open SQLite connection would spare the next start the recovery. */
export async function openTables(url: string): Promise<Tables> {
  const database = await openDatabase({ url, entities });
  const isSqlite = database.dialect === 'sqlite';
  const rows: Tables['rows'] = (sql, values = []) => database.em().execute<Row[]>(sql, [...values]);
  const tableNames = async () =>
    isSqlite
      ? rows(`select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name`)
      : rows('select table_name as name from information_schema.tables where table_schema = database() order by 1');
  return {
    rows,
    run: async (sql, values = []) => void (await database.em().execute(sql, [...values], 'run')),
    dump: async () => {
      const lines: string[] = [];
      for (const { name } of await tableNames()) {
        const lineOf = (row: Row) => `${String(name)} ${JSON.stringify(row, exactly)}`;
        const isHeartbeat = name === HEARTBEAT.table && !isSqlite;
        const found = await rows(`select * from ${String(name)}`);
        for (const row of isHeartbeat ? found : []) for (const column of HEARTBEAT.columns) delete row[column];
        lines.push(...found.map(lineOf).toSorted());
      }
      return lines;
    },
    close: () => database.close(),
  };
}

function exactly(_: string, field: unknown): unknown {
  return typeof field === 'bigint' ? `${field}n` : field;
}
