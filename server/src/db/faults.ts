/** Deadlock, lock wait time-out, SQLite busy: the server has rolled the transaction back, or it is to be. */
const REPLAYABLE = new Set<unknown>([
  1213,
  1205,
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'SQLITE_BUSY',
  'SQLITE_BUSY_SNAPSHOT',
]);

/** What passes without anybody having asked for something wrong: nothing was done that is not whole. */
const PASSING = new Set<unknown>([
  ...REPLAYABLE,
  // No connection is left: of the server, of this user.
  'ER_CON_COUNT_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_USER_LIMIT_REACHED',
  // The server is about to end, or has been told to end this statement or connection.
  'ER_SERVER_SHUTDOWN',
  'ER_QUERY_INTERRUPTED',
  'ER_CONNECTION_KILLED',
  // It is read-only, as a replica that is not promoted yet.
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_READ_ONLY_MODE',
  'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
  // A disk is full: the server's, that of an SQLite file, that of the data folder.
  'ER_DISK_FULL',
  'ER_RECORD_FILE_FULL',
  'SQLITE_FULL',
  'SQLITE_IOERR_WRITE',
  'SQLITE_IOERR_FSYNC',
  'SQLITE_IOERR_SHMSIZE',
  'ENOSPC',
  'EDQUOT',
]);

type Fault = Error & { code?: unknown; errno?: unknown; fatal?: unknown; syscall?: unknown };

/** The error and what it wraps. */
function* layersOf(error: unknown): Generator<Fault> {
  for (let fault: unknown = error; fault instanceof Error; fault = fault.cause) yield fault;
}

/** True for an error after which the transaction may simply run again: the database has broken it off for the sake of another one. */
export function isReplayable(error: unknown): boolean {
  return layersOf(error).some(({ errno, code }) => REPLAYABLE.has(errno) || REPLAYABLE.has(code));
}

/** True where the connection to a server ended on which something was to be done. What its transaction had done by then is undone, unless its commit was sent. */
export function isConnectionLost(error: unknown): boolean {
  // The driver says `fatal` of what ends its connection. One that could not be opened has lost nothing.
  return layersOf(error).some(({ fatal, syscall }) => fatal === true && syscall !== 'connect');
}

/** True where database or disk cannot be used at the moment, and the caller may try again: it is nobody's mistake, and no defect. */
export function isUnavailable(error: unknown): boolean {
  return layersOf(error).some(({ errno, code, fatal }) => fatal === true || PASSING.has(code) || REPLAYABLE.has(errno));
}
