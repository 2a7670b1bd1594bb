import { z } from 'zod';
import { idInput } from './common.ts';
import { dateInput, isDateRange, NO_DATE_RANGE } from './ledger.ts';

export const exportFormats = ['csv', 'json', 'journal'] as const;
export const exportFormat = z
  .enum(exportFormats)
  .meta({ description: 'journal is that of hledger, for checking the sums with an outside tool' });
export type ExportFormat = z.infer<typeof exportFormat>;

const filters = {
  from: dateInput.optional().meta({ description: 'Only transactions of that day or later' }),
  to: dateInput.optional().meta({ description: 'Only transactions of that day or earlier' }),
  accountId: idInput.optional().meta({ description: 'Only transactions on that account; transfers to it are' }),
};

/** Which transactions a file holds: all of them where nothing is said. Accounts and categories are always all there. */
export const exportFilterInput = z.strictObject(filters).refine(isDateRange, NO_DATE_RANGE);
export type ExportFilter = z.infer<typeof exportFilterInput>;

export const exportStreamInput = z
  .strictObject({
    format: exportFormat,
    ...filters,
    lastEventId: z.string().max(600).optional().meta({ description: 'Goes on behind that piece' }),
  })
  .refine(isDateRange, NO_DATE_RANGE);

/** A piece of the file; all of them, one after the other, are the file. The last one says so. */
export const exportPiece = z.object({ text: z.string(), isLast: z.boolean() });
export type ExportPiece = z.infer<typeof exportPiece>;
