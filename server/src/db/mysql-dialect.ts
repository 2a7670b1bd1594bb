import { type DatabaseConnection, MysqlDialect, type MysqlPool, type MysqlPoolConnection } from 'kysely';
import { createPool, type Pool, type PoolConnection, type PoolOptions, type QueryError } from 'mysql2';

/** Prepared statements that one connection keeps on the server, which has one limit for those of all connections (16,382 by default). */
const PREPARED_STATEMENTS_MAX = 64;

/** ER_MAX_PREPARED_STMT_COUNT_REACHED: the server, or whoever else uses it, leaves none for us. */
const NO_STATEMENT_LEFT = 1461;

/** What begins a transaction, or takes it back. */
const TRANSACTION_BOUNDS = /^(set transaction|start transaction|begin|rollback)\b(?! to)/i;

/**
 * MySQL and MariaDB where a statement that comes with parameters is prepared once for each connection, and its values are sent bound. The server need
 * not parse them then, which is a quarter of its work for rows inserted as text, and no value can be taken for SQL. Where the server has no prepared
 * statement left the values are written into the text instead. What comes without parameters is sent as text.
 *
 * Integers beyond 2^53 and decimals go as their digits, so they arrive exact. `onCreateConnection` runs before anything else on a connection.
 */
export function boundMySqlDialect(
  server: Pick<PoolOptions, 'host' | 'port' | 'user' | 'password' | 'database' | 'jsonStrings' | 'ssl'>,
  onCreateConnection: (connection: DatabaseConnection) => Promise<void>,
): MysqlDialect {
  const pool = createPool({
    ...server,
    connectionLimit: 10,
    connectTimeout: 5000,
    enableKeepAlive: true,
    maxPreparedStatements: PREPARED_STATEMENTS_MAX,
    // Decimals and dates as they are stored; integers as numbers up to 2^53, as digits beyond.
    supportBigNumbers: true,
    dateStrings: true,
  });
  return new MysqlDialect({ pool: bindingPool(pool), onCreateConnection });
}

function bindingPool(pool: Pool): MysqlPool {
  // Kysely knows a connection that it has seen by its identity.
  const seen = new WeakMap<PoolConnection, MysqlPoolConnection>();
  return {
    getConnection: (callback) =>
      pool.getConnection((error, connection) => {
        if (error) return callback(error, undefined as never);
        const binding = seen.get(connection) ?? bindingConnection(connection);
        seen.set(connection, binding);
        callback(null, binding);
      }),
    end: (callback) => pool.end(callback),
  };
}

function bindingConnection(connection: PoolConnection): MysqlPoolConnection {
  return {
    config: connection.config,
    threadId: connection.threadId,
    connect: (callback) => connection.connect((error) => callback?.(error)),
    destroy: () => connection.destroy(),
    release: () => connection.release(),
    query: (sql: string, parameters: unknown[], callback) => {
      const answer = (error: QueryError | null, result: unknown) => {
        // The library does not give back a connection on which a transaction could not be begun or rolled back; ended, it leaves its place in the pool.
        if (error && TRANSACTION_BOUNDS.test(sql)) connection.destroy();
        callback?.(error, result as never);
      };
      if (parameters.length === 0) return connection.query(sql, answer);
      return connection.execute(sql, parameters as never[], (error, result) => {
        if (error?.errno === NO_STATEMENT_LEFT) connection.query(sql, parameters, answer);
        else answer(error, result);
      });
    },
  };
}
