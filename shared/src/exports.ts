import { z } from 'zod';

export const exportFormats = ['csv', 'json', 'journal'] as const;
export const exportFormat = z
  .enum(exportFormats)
  .meta({ description: 'journal is that of hledger, for checking the sums with an outside tool' });
export type ExportFormat = z.infer<typeof exportFormat>;

export const exportStreamInput = z.strictObject({
  format: exportFormat,
  lastEventId: z.string().max(600).optional().meta({ description: 'Goes on behind that piece' }),
});

/** A piece of the file; all of them, one after the other, are the file. The last one says so. */
export const exportPiece = z.object({ text: z.string(), isLast: z.boolean() });
export type ExportPiece = z.infer<typeof exportPiece>;
