import { setTimeout as delay } from 'node:timers/promises';
import {
  type ImportCommit,
  type ImportCreate,
  type ImportFileOut,
  type ImportOut,
  type ImportPreviewOut,
  type ImportPreviewQuery,
  type ImportsOut,
  type ImportsQuery,
  type ImportStatus,
  type ImportUpdate,
} from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, isConnectionLost, type UnitOfWork } from '../../db/index.ts';
import { type Clock, dateIn, toInstant } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { randomHex } from '../../kernel/random.ts';
import { type AccountRecord, ensureLedger, findAccounts, openLedger } from '../ledger/index.ts';
import { fileGone, ImportFiles } from './import-files.ts';
import { previewImport } from './import-preview.ts';
import type { Run } from './import-run.ts';
import { ImportRunner } from './import-runner.ts';
import type { ImportsApi } from './imports.port.ts';
import {
  deleteOldFiles,
  type FileRecord,
  findFile,
  insertFile,
  knownFiles,
  releaseFile,
} from './import-files.repository.ts';
import { listRemembered, readRemembered } from './import-sources.repository.ts';
import {
  changeImport,
  countImports,
  findImport,
  type ImportRecord,
  insertImport,
  listImports,
  toImportOut,
} from './imports.repository.ts';
import { missingColumns } from './parse/columns.ts';
import type { Remembered } from './parse/remembered.ts';
import { sniffFile } from './parse/sniff.ts';
import { requireUndoable } from './undoable.ts';
import { Uploads } from './uploads.ts';

const FILE_KEEP_MS = 24 * 60 * 60 * 1000;
/** Imports of one person that are prepared and not committed. */
const READY_MAX = 50;
/** Runs at the same time in one process. */
const RUNS_MAX = 4;
const PROGRESS_LOOK_MS = 250;

const COMMITTABLE: readonly ImportStatus[] = ['ready', 'failed', 'cancelled'];

type Log = ConstructorParameters<typeof ImportRunner>[0]['log'];

/** How far ahead a statement may look before a warning says so. */
const FUTURE_MS_MAX = 366 * 24 * 60 * 60 * 1000;

/** Imports: files that become transactions. */
export class ImportsService implements ImportsApi {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #files: ImportFiles;
  readonly #runner: ImportRunner;
  readonly #uploads: Uploads;
  /** Who looks at a preview, which reads up to 50,000 rows: one at a time. */
  readonly #previewing = new Set<string>();

  constructor({ database, clock, folder, log }: { database: Database; clock: Clock; folder: string; log: Log }) {
    this.#database = database;
    this.#clock = clock;
    this.#files = new ImportFiles(folder);
    this.#uploads = new Uploads({ database, clock, files: this.#files });
    this.#runner = new ImportRunner({ database, clock, files: this.#files, log });
  }

  /** Takes back what earlier processes have left half done; see {@link ImportRunner.recover}. Before anybody is served. */
  recover(options: { isAlone: boolean }): Promise<void> {
    return this.#runner.recover(options);
  }

  /** Takes back what dead replicas have left, and removes files that nobody came back for. */
  async maintain(): Promise<void> {
    await this.#runner.recoverDead();
    const em = this.#database.em();
    const nowMs = this.#clock.now();
    await deleteOldFiles(em, nowMs - FILE_KEEP_MS);
    await this.#files.sweep(nowMs, (ids) => knownFiles(em, this.#database.dialect, ids));
  }

  /** Lets the batches in hand end. */
  close(): Promise<void> {
    return this.#runner.close();
  }

  upload(
    commitOf: (sha256: string) => UnitOfWork,
    userId: string,
    source: AsyncIterable<Uint8Array>,
  ): Promise<ImportFileOut> {
    return this.#uploads.keep(userId, source, (file) => {
      const { id, bytes, sha256, createdAt } = file;
      return commitOf(sha256)(async (em) => {
        await insertFile(em, this.#database.dialect, file);
        return { id, bytes, sha256, createdAt: toInstant(createdAt) };
      });
    });
  }

  async create(commit: UnitOfWork, userId: string, input: ImportCreate): Promise<ImportOut> {
    const { text, fileId } = input;
    const kept =
      text === undefined ? null : await this.#uploads.keep(userId, [Buffer.from(text)], async (file) => file);
    const id = newId('imp');
    try {
      const made = await commit(async (em) => {
        const file = kept ?? (await findFile(em, userId, fileId ?? ''));
        if (!file) throw invalidField('fileId', 'is no file that was uploaded within the last day');
        return this.#createIn(em, input, { id, file });
      });
      // Answered from an earlier call, whose import has a file of its own.
      if (kept && made.id !== id) await this.#files.remove(kept.id);
      return made;
    } catch (error) {
      // Where the answer to the commit was lost, the import may be there.
      if (kept && !isConnectionLost(error)) await this.#files.remove(kept.id);
      throw error;
    }
  }

  /** In the caller's transaction, the look at the file too: a repeated call has its answer whatever has become of file and account since. */
  async #createIn(
    em: SqlEntityManager,
    input: ImportCreate,
    { id, file }: { id: string; file: FileRecord },
  ): Promise<ImportOut> {
    const { userId } = file;
    await this.#files.require(file.id);
    const remembered = await readRemembered(em, userId, input.source);
    const account = await this.#signsOf(em, userId, input.accountId);
    const { format, settings, warnings } = await sniffFile(
      this.#files.path(file.id),
      { format: input.format, given: input.settings, remembered, ...account },
      input.text === undefined ? 'fileId' : 'text',
    );
    const nowMs = this.#clock.now();
    const record: ImportRecord = {
      id,
      userId,
      source: input.source,
      accountId: input.accountId,
      format,
      fileId: file.id,
      fileName: input.fileName ?? '',
      fileBytes: file.bytes,
      given: input.settings,
      settings,
      warnings,
      status: 'ready',
      skipsFaulty: false,
      restoresDeleted: false,
      skipsPossibleDuplicates: false,
      isCancelRequested: false,
      runHex: null,
      runAt: null,
      beatAt: nowMs,
      revision: 1,
      ...NOTHING_DONE,
      createdAt: nowMs,
      startedAt: null,
      finishedAt: null,
      hasFile: true,
    };
    await this.#requireAccount(em, userId, input.accountId);
    if ((await countImports(em, userId, ['ready'])) >= READY_MAX)
      throw new AppError('CONFLICT', `A person has at most ${READY_MAX} imports that are not committed: cancel some.`);
    if (input.text !== undefined) await insertFile(em, this.#database.dialect, file);
    await insertImport(em, this.#database.dialect, record);
    return toImportOut(record);
  }

  async update(commit: UnitOfWork, userId: string, input: ImportUpdate): Promise<ImportOut> {
    return commit(async (em) => {
      const current = await this.#requireLocked(em, userId, input.id);
      await this.#requireCommittable(current);
      const columns = { ...current.given.columns, ...definedOf(input.settings.columns ?? {}) };
      const given = { ...current.given, ...definedOf(input.settings), columns };
      const accountId = input.accountId ?? current.accountId;
      const { settings, warnings } = await sniffFile(this.#files.path(current.fileId), {
        format: current.format,
        given,
        remembered: await readRemembered(em, userId, current.source),
        ...(await this.#signsOf(em, userId, accountId)),
      });
      if (input.accountId !== undefined) await this.#requireAccount(em, userId, input.accountId);
      const changes = { given, settings, warnings, accountId };
      await changeImport(em, { id: current.id }, changes);
      return toImportOut({ ...current, ...changes });
    });
  }

  async preview(userId: string, query: ImportPreviewQuery): Promise<ImportPreviewOut> {
    if (this.#previewing.has(userId))
      throw new AppError('RATE_LIMITED', 'Another preview of yours is being made; wait for it.', {
        retryAfterSeconds: 1,
      });
    this.#previewing.add(userId);
    try {
      const { dialect } = this.#database;
      await ensureLedger(this.#database, { userId, nowMs: this.#clock.now() });
      const record = await this.#require(userId, query.id);
      await this.#requireCommittable(record);
      const em = this.#database.em();
      const account = await this.#requireAccount(em, userId, record.accountId);
      const path = this.#files.path(record.fileId);
      return await previewImport(em, dialect, { record, account, path, query });
    } finally {
      this.#previewing.delete(userId);
    }
  }

  async commit(
    commit: UnitOfWork,
    userId: string,
    { id, skipFaulty, restoreDeleted, skipPossibleDuplicates }: ImportCommit,
  ): Promise<ImportOut> {
    const runHex = randomHex(6);
    const started = await commit(async (em) => {
      this.#requireRoom();
      const { dialect } = this.#database;
      const nowMs = this.#clock.now();
      // Before the import, as the batches do: otherwise two commits at once would each lock an import of its own and not see that the other one runs.
      await openLedger(em, dialect, { userId, nowMs });
      const record = await this.#requireLocked(em, userId, id);
      await this.#requireCommittable(record);
      const account = await this.#requireAccount(em, userId, record.accountId);
      if (account.archivedAtMs !== null)
        throw new AppError('ACCOUNT_ARCHIVED', `The account “${account.name}” is archived; its money does not move.`);
      const missing = missingColumns(record);
      if (missing.length > 0)
        throw new AppError('VALIDATION_FAILED', 'The settings lack something; see details.', { details: missing });
      await this.#requireNoOther(em, userId);
      const changes = {
        ...NOTHING_DONE,
        status: 'running',
        skipsFaulty: skipFaulty,
        restoresDeleted: restoreDeleted,
        skipsPossibleDuplicates: skipPossibleDuplicates,
        isCancelRequested: false,
        runHex,
        runAt: nowMs,
        beatAt: nowMs,
        startedAt: nowMs,
        finishedAt: null,
      } as const;
      await changeImport(em, { id }, changes);
      return toImportOut({ ...record, ...changes });
    });
    // An answer that was kept for its idempotency key began its run then: that one has another mark.
    const record = await findImport(this.#database.em(), { userId, id });
    if (record && record.runHex === runHex && record.runAt !== null)
      this.#runner.start({ ...record, runHex, runAt: record.runAt });
    return started;
  }

  async cancel(commit: UnitOfWork, userId: string, id: string): Promise<ImportOut> {
    const cancelled = await commit(async (em) => {
      const record = await this.#requireLocked(em, userId, id);
      if (record.status === 'running') {
        await changeImport(em, { id }, { isCancelRequested: true });
        return toImportOut(record);
      }
      if (record.status === 'completed')
        throw new AppError('IMPORT_NOT_READY', 'The import is completed; undo it instead.');
      if (record.status === 'undone') throw new AppError('IMPORT_NOT_READY', 'The import was undone already.');
      if (record.status === 'undoing') return toImportOut(record);
      const changes = { status: 'cancelled', finishedAt: record.finishedAt ?? this.#clock.now() } as const;
      await changeImport(em, { id }, changes);
      const isReleased = await releaseFile(em, this.#database.dialect, record);
      return toImportOut({ ...record, ...changes, hasFile: record.hasFile && !isReleased });
    });
    if (!cancelled.hasFile) {
      const record = await findImport(this.#database.em(), { userId, id });
      if (record) await this.#files.remove(record.fileId);
    }
    return cancelled;
  }

  async undo(commit: UnitOfWork, userId: string, id: string): Promise<ImportOut> {
    const begun: { run?: Run } = {};
    const undoing = await commit(async (em) => {
      this.#requireRoom();
      const { dialect } = this.#database;
      const nowMs = this.#clock.now();
      // Before the import, as in a commit.
      await openLedger(em, dialect, { userId, nowMs });
      const record = await this.#requireLocked(em, userId, id);
      const run = await requireUndoable(em, dialect, record);
      await this.#requireNoOther(em, userId);
      const changes = { status: 'undoing', beatAt: nowMs } as const;
      await changeImport(em, { id }, changes);
      begun.run = { ...run, ...changes };
      return toImportOut(begun.run);
    });
    // Not where the answer was kept for its idempotency key: the call that it was made for has begun it.
    if (begun.run) this.#runner.startUndo(begun.run);
    return undoing;
  }

  async status(userId: string, id: string): Promise<ImportOut> {
    return toImportOut(await this.#require(userId, id));
  }

  async list(userId: string, query: ImportsQuery): Promise<ImportsOut> {
    const [beforeId] = decodeCursor('imports', query.cursor, ['string']);
    const records = await listImports(this.#database.em(), { userId, beforeId, limit: query.limit });
    const page = records.slice(0, query.limit);
    return {
      items: page.map(toImportOut),
      nextCursor: records.length > query.limit ? encodeCursor('imports', [page.at(-1)?.id ?? '']) : null,
    };
  }

  /** What is remembered of each source. */
  remembered(userId: string): Promise<{ source: string; settings: Remembered }[]> {
    return listRemembered(this.#database.em(), userId);
  }

  async *progress(
    userId: string,
    { id, lastEventId, signal }: { id: string; lastEventId?: string | undefined; signal: AbortSignal },
  ): AsyncGenerator<{ id: string; import: ImportOut }> {
    let seen = lastEventId === undefined ? -1 : Number(lastEventId);
    while (!signal.aborted) {
      const record = await this.#require(userId, id);
      if (record.revision !== seen) {
        seen = record.revision;
        yield { id: String(seen), import: toImportOut(record) };
      }
      if (record.status !== 'running' && record.status !== 'undoing' && record.status !== 'ready') return;
      await delay(PROGRESS_LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #require(userId: string, id: string): Promise<ImportRecord> {
    const record = await findImport(this.#database.em(), { userId, id });
    if (!record) throw new AppError('NOT_FOUND', 'There is no such import.');
    return record;
  }

  async #requireLocked(em: SqlEntityManager, userId: string, id: string): Promise<ImportRecord> {
    const record = await findImport(em, { userId, id, lock: this.#database.dialect });
    if (!record) throw new AppError('NOT_FOUND', 'There is no such import.');
    return record;
  }

  /** @throws AppError RATE_LIMITED where this process is at work on as many imports as it may */
  #requireRoom(): void {
    if (this.#runner.activeCount < RUNS_MAX) return;
    throw new AppError('RATE_LIMITED', 'Too many imports run at the moment; try again later.', {
      retryAfterSeconds: 10,
    });
  }

  /** With the ledger held. @throws AppError IMPORT_NOT_READY where an import of the person is written or taken back */
  async #requireNoOther(em: SqlEntityManager, userId: string): Promise<void> {
    if ((await countImports(em, userId, ['running', 'undoing'])) > 0)
      throw new AppError(
        'IMPORT_NOT_READY',
        'Another import of yours is running, or being taken back; wait for it, or cancel it.',
      );
  }

  async #requireCommittable({ status, hasFile, fileId }: ImportRecord): Promise<void> {
    if (!COMMITTABLE.includes(status)) {
      throw new AppError('IMPORT_NOT_READY', `The import is ${status}; nothing of it can be changed now.`);
    }
    if (!hasFile) throw fileGone();
    await this.#files.require(fileId);
  }

  /** What the account says of how amounts are to be read. What is no account is refused when it is written. */
  async #signsOf(
    em: SqlEntityManager,
    userId: string,
    accountId: string,
  ): Promise<{ currency: string | null; isOfCredit: boolean; latestOn: string }> {
    const latestOn = dateIn('UTC', this.#clock.now() + FUTURE_MS_MAX);
    const account = (await findAccounts(em, this.#database.dialect, userId, [accountId])).get(accountId);
    return { currency: account?.currency ?? null, isOfCredit: account?.type === 'credit', latestOn };
  }

  async #requireAccount(em: SqlEntityManager, userId: string, id: string): Promise<AccountRecord> {
    const account = (await findAccounts(em, this.#database.dialect, userId, [id])).get(id);
    if (!account) throw invalidField('accountId', 'is no account');
    return account;
  }
}

function definedOf<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Fields>;
}

const NOTHING_DONE = {
  bytesRead: 0,
  rowsRead: 0,
  created: 0,
  duplicates: 0,
  faulty: 0,
  errorCode: null,
  errorMessage: null,
} as const;
