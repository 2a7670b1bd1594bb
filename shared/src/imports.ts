import { z } from 'zod';
import { idInput, instantOut, pageInput, pageOf } from './common.ts';
import { exactTextInput, nameInput } from './ledger.ts';
import { transactionOut } from './transactions.ts';

/** The largest file: 512 MB. */
export const IMPORT_FILE_BYTES_MAX = 512 * 1024 * 1024;
/** The most text that `imports.create` takes itself; larger files are uploaded. */
export const IMPORT_TEXT_MAX = 24_000;
/** The most rows that one import may have. */
export const IMPORT_ROWS_MAX = 2_000_000;
/** The most bytes of one row, and so of one field. */
export const IMPORT_ROW_BYTES_MAX = 64 * 1024;
/** The most cells of one row. */
export const IMPORT_COLUMNS_MAX = 500;
/** The most lines of a file before its table. */
export const IMPORT_SKIP_LINES_MAX = 100;
/** The most rows that a preview reads; where a file has more, its counts are of the first. */
export const IMPORT_PREVIEW_ROWS_MAX = 50_000;
/** Faults that a preview lists; all of them are counted. */
export const IMPORT_FAULTS_MAX = 100;

export const importFormats = ['csv', 'ofx'] as const;
const importFormat = z.enum(importFormats);
export type ImportFormat = z.infer<typeof importFormat>;

/** How a date may be written; `MMM` is an English month. A time behind it is ignored. */
export const importDateFormats = [
  'YYYY-MM-DD',
  'YYYY/MM/DD',
  'YYYY.MM.DD',
  'YYYYMMDD',
  'DD.MM.YYYY',
  'DD/MM/YYYY',
  'MM/DD/YYYY',
  'DD-MM-YYYY',
  'MM-DD-YYYY',
  'DD.MM.YY',
  'DD/MM/YY',
  'MM/DD/YY',
  'YY/MM/DD',
  'YY.MM.DD',
  'DD MMM YYYY',
  'MMM DD, YYYY',
] as const;
export type ImportDateFormat = (typeof importDateFormats)[number];

/** What a column may be. `amount` is signed unless there is a `kind`; `debit` and `credit` are what goes and what comes. */
export const importFields = [
  'date',
  'amount',
  'debit',
  'credit',
  'kind',
  'currency',
  'payee',
  'description',
  'note',
  'category',
  'tags',
  'account',
  'externalId',
  'toAccount',
  'toAmount',
  'rate',
  'splits',
  'attachments',
] as const;
export type ImportField = (typeof importFields)[number];

const column = exactTextInput(200)
  .nullable()
  .meta({ description: 'The text of its header, or `#1`, `#2`, … for its place; null for none' });

const columns = {
  date: column,
  amount: column,
  debit: column,
  credit: column,
  kind: column,
  currency: column,
  payee: column,
  description: column,
  note: column,
  category: column,
  tags: column,
  account: column,
  externalId: column,
  toAccount: column,
  toAmount: column,
  rate: column,
  splits: column,
  attachments: column,
} satisfies Record<ImportField, typeof column>;

const settings = {
  encoding: exactTextInput(40).meta({
    description: 'A name of the WHATWG encoding standard, such as utf-8, utf-16le, windows-1252',
  }),
  delimiter: z.enum([',', ';', '\t', '|']),
  skipRows: z.number().int().min(0).max(IMPORT_SKIP_LINES_MAX).meta({
    description:
      'Lines before the header, or before the first row, counted as an editor and the `line` of faults count them: empty ones too',
  }),
  hasHeader: z.boolean(),
  dateFormat: z.enum(importDateFormats),
  decimalSeparator: z.enum(['.', ',']),
  isAmountInverted: z.boolean().meta({ description: 'True where what is spent stands above zero' }),
  unknownCategory: z
    .enum(['fault', 'none'])
    .meta({ description: 'Whether a category that does not exist is a fault, or is left out' }),
  appliesRules: z.boolean().meta({
    description: 'Whether the rules decide; by default they do, but for a file that FinVerse itself exported',
  }),
};

/** What is left out is what the source had the last time, or what the file looks like. */
export const importSettingsInput = z.strictObject({
  encoding: settings.encoding.optional(),
  delimiter: settings.delimiter.optional(),
  skipRows: settings.skipRows.optional(),
  hasHeader: settings.hasHeader.optional(),
  dateFormat: settings.dateFormat.optional(),
  decimalSeparator: settings.decimalSeparator.optional(),
  isAmountInverted: settings.isAmountInverted.optional(),
  unknownCategory: settings.unknownCategory.optional(),
  appliesRules: settings.appliesRules.optional(),
  columns: z.strictObject(columns).partial().optional(),
});
export type ImportSettingsInput = z.infer<typeof importSettingsInput>;

const importSettingsOut = z.object({ ...settings, columns: z.object(columns) });
export type ImportSettings = z.infer<typeof importSettingsOut>;

/** What an upload answers. */
export const importFileOut = z.object({
  id: z.string(),
  bytes: z.number().int(),
  sha256: z.string(),
  createdAt: instantOut,
});
export type ImportFileOut = z.infer<typeof importFileOut>;

const sourceInput = z
  .string()
  .min(1)
  .max(40)
  .regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be a name: lower-case letters, digits, dots, hyphens and underscores')
  .meta({ description: 'Where it comes from: within it external ids are unique, and its columns are remembered' });

export const importCreateInput = z
  .strictObject({
    source: sourceInput,
    accountId: idInput.meta({ description: 'The account of rows that name none' }),
    format: importFormat.optional().meta({ description: 'As the file looks by default' }),
    fileId: idInput.optional().meta({ description: 'What the upload answered' }),
    text: exactTextInput(IMPORT_TEXT_MAX).optional().meta({ description: 'A small file itself, instead' }),
    fileName: nameInput(200).optional(),
    settings: importSettingsInput.default({}),
  })
  .refine(({ fileId, text }) => (fileId === undefined) !== (text === undefined), {
    error: 'must be given, or text; not both',
    path: ['fileId'],
  });
export type ImportCreate = z.infer<typeof importCreateInput>;

/** What is left out stays as it is. */
export const importUpdateInput = z.strictObject({
  id: idInput,
  accountId: idInput.optional(),
  settings: importSettingsInput.default({}),
});
export type ImportUpdate = z.infer<typeof importUpdateInput>;

export const importIdInput = z.strictObject({ id: idInput });

const importStatus = z.enum(['ready', 'running', 'undoing', 'completed', 'undone', 'cancelled', 'failed']);
export type ImportStatus = z.infer<typeof importStatus>;

export const importOut = z.object({
  id: z.string(),
  source: z.string(),
  accountId: z.string(),
  format: importFormat,
  fileName: z.string(),
  fileBytes: z.number().int(),
  hasFile: z.boolean().meta({ description: 'Whether the file is still kept, so that it can be committed' }),
  settings: importSettingsOut,
  warnings: z.array(z.string()).meta({
    description:
      'What the file leaves open, such as which number is the day; look before you commit. Once it is completed, also what became of rows that differ from the ledger',
  }),
  status: importStatus.meta({
    description:
      'undoing: what was imported is taken back, because it was cancelled, failed or undone; undone: it was completed, and nothing of it is left',
  }),
  bytesRead: z.number().int(),
  rowsRead: z.number().int(),
  created: z.number().int().meta({ description: 'Transactions that it has made so far; none once it is taken back' }),
  duplicates: z.number().int(),
  faulty: z.number().int().meta({ description: 'Of one that failed, up to where it was read' }),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  createdAt: instantOut,
  startedAt: instantOut.nullable(),
  finishedAt: instantOut.nullable(),
});
export type ImportOut = z.infer<typeof importOut>;

export const importsInput = z.strictObject({ ...pageInput.shape });
export type ImportsQuery = z.infer<typeof importsInput>;
export const importsOut = pageOf(importOut);
export type ImportsOut = z.infer<typeof importsOut>;

const restoreDeletedInput = z.boolean().default(false).meta({
  description:
    'True: rows are new whose transactions you have deleted. Otherwise they are duplicates, so that a file that overlaps an earlier one brings none of them back',
});

export const importPreviewInput = z.strictObject({
  id: idInput,
  limit: z.number().int().min(1).max(100).default(20).meta({ description: 'Rows that are shown' }),
  restoreDeleted: restoreDeletedInput,
});
export type ImportPreviewQuery = z.infer<typeof importPreviewInput>;

const fault = z.object({
  line: z.number().int().meta({ description: 'Of the file, from 1' }),
  field: z
    .string()
    .meta({ description: 'As the columns of the settings name it; `row` where it is the row as a whole' }),
  message: z.string(),
});
export type ImportFault = z.infer<typeof fault>;

/** What a row would become. Nothing is cleared of what is not there yet. */
const draftOut = transactionOut
  .pick({
    kind: true,
    accountId: true,
    amount: true,
    currency: true,
    occurredOn: true,
    description: true,
    payee: true,
    note: true,
    categoryId: true,
    tags: true,
    splits: true,
    transfer: true,
    externalId: true,
  })
  .extend({ transfer: transactionOut.shape.transfer.unwrap().omit({ toCleared: true }).nullable() });

export const importPreviewOut = z.object({
  import: importOut,
  columnNames: z.array(z.string()),
  warnings: z.array(z.string()).meta({ description: 'What the file leaves open, such as which number is the day' }),
  rows: z.array(
    z.object({
      line: z.number().int(),
      outcome: z.enum(['new', 'duplicate', 'faulty']),
      isDeleted: z.boolean().meta({ description: 'Whether it is a duplicate of a transaction that you have deleted' }),
      possibleDuplicateOf: z.string().nullable().meta({
        description:
          'Of a new row: a transaction with the same amount on the same account at most five days away, which it may be; it is by hand, from another source, or the other side of a transfer. The import makes another one, unless it is committed with `skipPossibleDuplicates`',
      }),
      transaction: draftOut.nullable(),
    }),
  ),
  counts: z.object({
    read: z.number().int(),
    new: z.number().int(),
    duplicate: z.number().int(),
    faulty: z.number().int(),
    deleted: z.number().int().meta({ description: 'Of the duplicates, those of transactions that you have deleted' }),
    possibleDuplicates: z.number().int().meta({ description: 'Of the new rows, those with a `possibleDuplicateOf`' }),
  }),
  isComplete: z
    .boolean()
    .meta({ description: `False where the counts are of the first ${IMPORT_PREVIEW_ROWS_MAX} rows` }),
  faults: z.array(fault).meta({ description: `The first ${IMPORT_FAULTS_MAX}` }),
});
export type ImportPreviewOut = z.infer<typeof importPreviewOut>;

export const importCommitInput = z.strictObject({
  id: idInput,
  skipFaulty: z
    .boolean()
    .default(false)
    .meta({ description: 'True: faulty rows are left out. Otherwise one of them makes the whole import fail' }),
  restoreDeleted: restoreDeletedInput,
  skipPossibleDuplicates: z.boolean().default(false).meta({
    description:
      'True: new rows are left out, and counted as duplicates, that the ledger may have by another way, as the preview tells them (`possibleDuplicateOf`). Otherwise they are imported',
  }),
});
export type ImportCommit = z.infer<typeof importCommitInput>;

export const importProgressInput = z.strictObject({
  id: idInput,
  lastEventId: z.string().max(20).regex(/^\d+$/, 'must be the id of an event').optional(),
});
export type ImportProgressQuery = z.infer<typeof importProgressInput>;
