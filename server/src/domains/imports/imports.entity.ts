import { defineEntity, p } from '@mikro-orm/core';
import { epochMsColumn, idColumn } from '../../db/index.ts';
import { UserSchema } from '../users/index.ts';

const owner = () => p.manyToOne(UserSchema).deleteRule('cascade');

/** An uploaded file. Its bytes are in the imports folder, under its id. */
export const ImportFileSchema = defineEntity({
  name: 'ImportFile',
  tableName: 'import_files',
  indexes: [{ properties: ['user', 'createdAt'] }, { properties: ['createdAt'] }],
  properties: {
    id: idColumn().primary(),
    user: owner,
    bytes: p.bigint('number'),
    sha256: p.string().length(64),
    createdAt: epochMsColumn(),
  },
});

/** An import, from the file that was handed in to the transactions it made. */
export const ImportSchema = defineEntity({
  name: 'Import',
  tableName: 'imports',
  indexes: [{ properties: ['user', 'id'] }, { properties: ['status'] }],
  properties: {
    id: idColumn().primary(),
    user: owner,
    source: p.string().length(40),
    accountId: idColumn(),
    format: p.string().length(3),
    fileId: idColumn(),
    fileName: p.string().length(200),
    fileBytes: p.bigint('number'),
    /** What the caller said, what followed from it and from the file, and what that leaves open; JSON. */
    given: p.text(),
    settings: p.text(),
    warnings: p.text(),
    status: p.string().length(12),
    skipsFaulty: p.boolean(),
    restoresDeleted: p.boolean().default(false),
    skipsPossibleDuplicates: p.boolean().default(false),
    isCancelRequested: p.boolean(),
    /** Which run writes, and since when: its transactions have ids made of both, and a run that finds another one here ends. Null before the first. */
    runHex: p.string().length(12).nullable(),
    runAt: epochMsColumn().nullable(),
    /** The last sign of life of the process that runs it. */
    beatAt: epochMsColumn(),
    /** Grows with every change. */
    revision: p.integer(),
    bytesRead: p.bigint('number'),
    rowsRead: p.integer(),
    created: p.integer(),
    duplicates: p.integer(),
    faulty: p.integer(),
    errorCode: p.string().length(40).nullable(),
    errorMessage: p.string().length(1000).nullable(),
    createdAt: epochMsColumn(),
    startedAt: epochMsColumn().nullable(),
    finishedAt: epochMsColumn().nullable(),
  },
});

/** What was right for the files of a source the last time. */
export const ImportSourceSchema = defineEntity({
  name: 'ImportSource',
  tableName: 'import_sources',
  properties: {
    user: () => p.manyToOne(UserSchema).deleteRule('cascade').primary(),
    source: p.string().length(40).primary(),
    /** JSON. */
    settings: p.text(),
    updatedAt: epochMsColumn(),
  },
});

export const importEntities = [ImportFileSchema, ImportSchema, ImportSourceSchema];
