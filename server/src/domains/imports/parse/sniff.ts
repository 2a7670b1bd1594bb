import { open } from 'node:fs/promises';
import { type ImportFormat, type ImportSettings, type ImportSettingsInput, minorDigits } from '@finverse/shared';
import { invalidField } from '../../../kernel/errors.ts';
import { isExchangeHeader } from '../../exports/index.ts';
import { binaryKindOf } from './binary-kinds.ts';
import { type Columns, guessColumns, missingColumns, NO_COLUMNS, placeColumns } from './columns.ts';
import { cellsOf, fitColumns, guessByContent } from './column-contents.ts';
import { detectDateFormat } from './dates.ts';
import { detectEncoding, doubtfulWord, isCertain, isKnown, isLikely } from './encoding.ts';
import { detectLayout, isHeader, type Sample } from './layout.ts';
import { detectDecimalSeparator } from './numbers.ts';
import { looksLikeOfx, ofxEncoding } from './ofx-rows.ts';
import { ofxSignWarnings } from './ofx-signs.ts';
import {
  type Direction,
  fittingPart,
  isWellCut,
  openDirectionsOf,
  type Remembered,
  rememberedColumns,
  type Table,
} from './remembered.ts';
import { type OpenField, warningsOf } from './warnings.ts';

type Places = ReturnType<typeof placeColumns>['places'];

const SAMPLE_BYTES = 256 * 1024;
const SAMPLE_CELLS_MAX = 20_000;

/**
 * What a file looks like. `openFields` are the settings that nobody gave and nothing in the file tells (a warning speaks of those that may be read in two ways),
 * `openDirections` the columns of directions that it has not, as far as nobody has said so. `isEncodingOpen`: nobody gave the encoding, and every one reads the
 * file's beginning alike. `isKindGiven`: a person named the column of words that say which way money goes, for this file or one before it.
 */
export type Sniffed = {
  format: ImportFormat;
  settings: ImportSettings;
  columnNames: string[];
  warnings: string[];
  openFields: OpenField[];
  openDirections: Direction[];
  isEncodingOpen: boolean;
  isKindGiven: boolean;
};

/** Reads the beginning of a file. */
async function readSample(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * Looks at the beginning of a file; see {@link sniff}.
 *
 * @throws AppError VALIDATION_FAILED for an encoding that is none, and, naming the field `fileField`, for a file that is no text
 */
export async function sniffFile(path: string, options: SniffOptions, fileField = 'fileId'): Promise<Sniffed> {
  const { encoding } = options.given;
  if (encoding !== undefined && !isKnown(encoding))
    throw invalidField(
      'settings.encoding',
      'is no name of the WHATWG encoding standard, such as utf-8 or windows-1252',
    );
  const sample = await readSample(path);
  const isWide = new TextDecoder(encoding ?? detectEncoding(sample)).encoding.startsWith('utf-16');
  const kind = binaryKindOf(sample, isWide);
  if (kind !== null) throw invalidField(fileField, `is ${kind}, and no CSV or OFX: export it as CSV`);
  return sniff(sample, options);
}

type SniffOptions = {
  format: ImportFormat | undefined;
  given: ImportSettingsInput;
  remembered: Remembered | null;
  /** Whether the account of the import is one of credit, whose bank may write what is spent above zero. */
  isOfCredit?: boolean;
  /** Of the account of rows that name none; null where it is not known. */
  currency: string | null;
  /** The last day that a statement may be expected to have; nothing is said of dates without it. */
  latestOn?: string;
};

/**
 * The settings by which a file is to be read: what the caller says, then what the source had the last time (where its columns are there), then what the
 * beginning of the file looks like.
 */
export function sniff(
  sample: Buffer,
  { format, given, remembered, currency, isOfCredit = false, ...others }: SniffOptions,
): Sniffed {
  const ascii = sample
    .subarray(0, 4096)
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '');
  const detectedFormat = format ?? (looksLikeOfx(ascii.replaceAll('\0', '')) ? 'ofx' : 'csv');
  const { encoding, isGuessed } =
    given.encoding === undefined
      ? encodingOf(sample, { format: detectedFormat, ascii, remembered, currency })
      : { encoding: given.encoding, isGuessed: false };
  const isWhole = sample.length < SAMPLE_BYTES;
  const text = new TextDecoder(encoding).decode(sample, { stream: !isWhole });
  const letterWarnings = isGuessed ? warningsOfLetters(text, encoding) : [];
  if (detectedFormat === 'ofx') {
    const settings: ImportSettings = {
      ...OFX_SETTINGS,
      encoding,
      // What is remembered was of the source's CSV files, which may be signed otherwise.
      isAmountInverted: given.isAmountInverted ?? false,
      appliesRules: given.appliesRules ?? remembered?.appliesRules ?? true,
    };
    const nothingOpen = { openFields: [], openDirections: [], isEncodingOpen: false, isKindGiven: false };
    const signWarnings = given.isAmountInverted === undefined ? ofxSignWarnings(text) : [];
    return {
      format: 'ofx',
      settings,
      columnNames: [],
      warnings: [...letterWarnings, ...signWarnings],
      ...nothingOpen,
    };
  }
  const isEncodingOpen = given.encoding === undefined && encoding === 'utf-8' && isAscii(sample);
  const sniffed = sniffCsv({ text, isWhole }, { encoding, given, remembered, currency, isOfCredit, ...others });
  const missing = missingColumns({ format: 'csv', settings: sniffed.settings }).map(({ message }) => message);
  return { format: 'csv', isEncodingOpen, ...sniffed, warnings: [...missing, ...letterWarnings, ...sniffed.warnings] };
}

const OFX_SETTINGS: ImportSettings = {
  encoding: 'utf-8',
  delimiter: ',',
  skipRows: 0,
  hasHeader: false,
  dateFormat: 'YYYYMMDD',
  decimalSeparator: '.',
  isAmountInverted: false,
  unknownCategory: 'none',
  appliesRules: true,
  columns: NO_COLUMNS,
};

/** `isGuessed`: neither the bytes nor the head nor the source's last file say so. */
function encodingOf(
  sample: Buffer,
  {
    format,
    ascii,
    remembered,
    currency,
  }: { format: ImportFormat; ascii: string } & Pick<SniffOptions, 'remembered' | 'currency'>,
): { encoding: string; isGuessed: boolean } {
  const detected = detectEncoding(sample, currency);
  const isGuessed = !isCertain(detected);
  if (format !== 'ofx') {
    // Of two guesses the one that was right the last time: otherwise the same rows would have other letters, and be others.
    const isTold = !isGuessed || remembered === null || !isLikely(remembered.encoding, sample);
    return isTold ? { encoding: detected, isGuessed } : { encoding: remembered.encoding, isGuessed: false };
  }
  if (detected.startsWith('utf-16')) return { encoding: detected, isGuessed };
  // A file that is valid UTF-8 beyond ASCII is UTF-8 whatever its head says, which banks copy from one another.
  const named = ofxEncoding(ascii);
  const isNamed = named !== null && isKnown(named) && (isAscii(sample) || detected !== 'utf-8');
  return isNamed ? { encoding: named, isGuessed: false } : { encoding: detected, isGuessed };
}

function warningsOfLetters(text: string, encoding: string): string[] {
  const word = doubtfulWord(text, encoding);
  if (word === null) return [];
  return [
    `The file does not say how its letters are encoded; they are read as ${encoding}, as in “${word}”. Check them, or say which encoding it is.`,
  ];
}

function isAscii(sample: Buffer): boolean {
  return sample.every((byte) => byte < 0x80);
}

type Layout = Pick<ImportSettings, 'delimiter' | 'skipRows' | 'hasHeader'>;
type GivenLayout = Pick<ImportSettingsInput, keyof Layout>;

function sniffCsv(
  sample: Sample,
  {
    encoding,
    given,
    remembered,
    currency,
    isOfCredit = false,
    latestOn,
  }: Omit<SniffOptions, 'format'> & { encoding: string },
): Omit<Sniffed, 'format' | 'isEncodingOpen'> {
  const { table, known } = tableOf(sample, { given, remembered, currency });
  const { delimiter, skipRows, skipped, hasHeader, header, data, width } = table;
  if (header && isExchangeHeader(header)) {
    return {
      settings: {
        encoding,
        delimiter,
        skipRows,
        hasHeader,
        dateFormat: given.dateFormat ?? 'YYYY-MM-DD',
        decimalSeparator: given.decimalSeparator ?? '.',
        isAmountInverted: given.isAmountInverted ?? false,
        unknownCategory: given.unknownCategory ?? 'fault',
        appliesRules: given.appliesRules ?? false,
        columns: overlay(guessColumns(header), given.columns),
      },
      columnNames: [...header],
      warnings: [],
      openFields: [],
      openDirections: [],
      isKindGiven: false,
    };
  }
  const columns = overlay(known ? rememberedColumns(known) : table.guessed, given.columns);
  const { places } = placeColumns(columns, header, width);
  const dates = detectDateFormat(cellsOf(data, places.date));
  const decimals = detectDecimalSeparator(
    [places.amount, places.debit, places.credit, places.toAmount].flatMap((place) => cellsOf(data, place)),
    fractionDigitsOf(currency, data, places),
  );
  const guesses: { field: OpenField; isTold: boolean; isAmbiguous: boolean }[] = [
    { field: 'dateFormat', ...dates },
    { field: 'decimalSeparator', ...decimals },
  ];
  const untold = guesses.filter(({ field, isTold }) => !isTold && (given[field] ?? known?.[field]) === undefined);
  const warnings = warningsOf({
    given,
    isKnown: known !== null,
    isForgotten: remembered !== null && known === null,
    isOfCredit,
    skipped,
    header,
    data,
    places,
    dateFormat: dates.format,
    latestOn: latestOn ?? null,
    ambiguousFields: untold.filter(({ isAmbiguous }) => isAmbiguous).map(({ field }) => field),
    ambiguousAmount: decimals.example,
  });
  return {
    settings: {
      encoding,
      delimiter,
      skipRows,
      hasHeader,
      dateFormat: given.dateFormat ?? known?.dateFormat ?? dates.format,
      decimalSeparator: given.decimalSeparator ?? known?.decimalSeparator ?? decimals.separator,
      isAmountInverted: given.isAmountInverted ?? known?.isAmountInverted ?? false,
      unknownCategory: given.unknownCategory ?? known?.unknownCategory ?? 'fault',
      appliesRules: given.appliesRules ?? known?.appliesRules ?? true,
      columns,
    },
    columnNames: header ? [...header] : Array.from({ length: width }, (_, index) => `#${index + 1}`),
    warnings,
    openFields: untold.map(({ field }) => field),
    openDirections: openDirectionsOf(columns, given.columns, known),
    isKindGiven: columns.kind !== null && (given.columns?.kind !== undefined || (known?.isKindGiven ?? false)),
  };
}

/** The most digits after the point that the currencies of the rows have; null where it is not known which these are. */
function fractionDigitsOf(currency: string | null, data: Table['data'], places: Places): number | null {
  if (currency === null || places.account !== undefined || places.toAmount !== undefined) return null;
  const named = cellsOf(data, places.currency).map((cell) => cell.toUpperCase());
  return Math.max(...[currency, ...named].map(minorDigits));
}

/**
 * The table that a file begins with: cut out as that of its source's last file was, where what is remembered fits it then, or as it looks. `known`: what is
 * remembered, as far as it is true of the table.
 */
function tableOf(
  sample: Sample,
  { given, remembered, currency }: Pick<SniffOptions, 'remembered' | 'currency'> & { given: GivenLayout },
): { table: Table & Layout; known: Remembered | null } {
  if (remembered) {
    const { delimiter, skipRows, hasHeader } = remembered;
    const table = cutTable(sample, {
      delimiter: given.delimiter ?? delimiter,
      skipRows: given.skipRows ?? skipRows,
      hasHeader: given.hasHeader ?? hasHeader,
      currency,
    });
    const known = fittingPart(remembered, table);
    if (known && isWellCut(known, table)) return { table, known };
  }
  const table = cutTable(sample, { ...given, currency });
  return { table, known: remembered && fittingPart(remembered, table) };
}

function cutTable(sample: Sample, given: GivenLayout & Pick<SniffOptions, 'currency'>): Table & Layout {
  const { delimiter, rows, skipRows } = detectLayout(sample, given);
  const [skipped, kept] = [rows.filter(({ line }) => line <= skipRows), rows.filter(({ line }) => line > skipRows)];
  const body = kept.map(({ cells }) => cells);
  const hasHeader = given.hasHeader ?? (body[0] !== undefined && isHeader(body[0]));
  const header = hasHeader ? (body[0] ?? []) : null;
  const width = body.reduce((most, { length }) => Math.max(most, length), 0);
  // The work is bounded by the cells that are looked at, however wide the rows are.
  const data = body
    .slice(hasHeader ? 1 : 0)
    .filter(({ length }) => length > 0)
    .slice(0, Math.max(1, Math.floor(SAMPLE_CELLS_MAX / Math.max(1, width))));
  const guessed = header ? fitColumns(guessColumns(header, given.currency), header, data) : guessByContent(data, width);
  return { delimiter, skipRows, skipped, hasHeader, header, data, width, guessed };
}

/** What is given goes before what was found. */
function overlay(found: Columns, given: ImportSettingsInput['columns']): Columns {
  const named = Object.entries(given ?? {}).filter(([, reference]) => reference !== undefined);
  const all = { ...found, ...(Object.fromEntries(named) as Partial<Columns>) };
  // Whoever says where amounts stand means these alone, not those that were guessed beside them.
  if (typeof given?.amount === 'string') return { ...all, debit: given.debit ?? null, credit: given.credit ?? null };
  if (typeof given?.debit === 'string' || typeof given?.credit === 'string') return { ...all, amount: null };
  return all;
}
