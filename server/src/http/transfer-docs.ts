import { exportFilterInput, type ExportFormat, exportFormats, importFileOut } from '@finverse/shared';
import { z } from 'zod';
import { scopesOf } from '../trpc/scopes.ts';
import { DOWNLOAD, MIME, UPLOAD, UPLOAD_TYPES } from './transfer.ts';

/** A route beside the router, as the OpenAPI document shows it. */
type TransferRoute = {
  path: string;
  method: 'get' | 'post';
  scopes: ReturnType<typeof scopesOf>;
  /** Whether a call with an `Idempotency-Key` is done once. */
  isKeyed: boolean;
  operation: TransferOperation;
};
type TransferOperation = {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  parameters?: object[];
  requestBody?: object;
  responses: Record<string, object>;
};

/** What {@link serveTransfers} serves, for the OpenAPI document. */
export const transferRoutes: readonly TransferRoute[] = [
  {
    path: '/imports/upload',
    method: 'post',
    scopes: scopesOf(UPLOAD),
    isKeyed: true,
    operation: {
      operationId: 'imports.upload',
      tags: ['imports'],
      summary: 'Upload a bank file',
      description:
        'The body is the file itself, of up to 512 MB; it is kept for a day. Its id is the `file_id` of `POST /imports`. Nothing is imported yet.',
      requestBody: {
        required: true,
        content: Object.fromEntries(
          [...UPLOAD_TYPES].map((type) => [type, { schema: { type: 'string', format: 'binary' } }]),
        ),
      },
      responses: { 200: { description: 'OK', content: { 'application/json': { schema: schemaOf(importFileOut) } } } },
    },
  },
  ...exportFormats.map((format) => download(format)),
];

function download(format: ExportFormat): TransferRoute {
  return {
    path: `/exports/ledger.${format}`,
    method: 'get',
    scopes: scopesOf(DOWNLOAD),
    isKeyed: false,
    operation: {
      operationId: `exports.download.${format}`,
      tags: ['exports'],
      summary: `Download the ledger as ${format === 'journal' ? 'an hledger journal' : format.toUpperCase()}`,
      description:
        'With a filter the file holds the transactions that it lets through, and all accounts and categories. A file that is not whole, because the ledger changed meanwhile or the server stops, is broken off: the connection ends before the file does.',
      parameters: queryParametersOf(exportFilterInput),
      responses: { 200: { description: 'OK', content: { [MIME[format]]: { schema: { type: 'string' } } } } },
    },
  };
}

function queryParametersOf(input: z.ZodObject): object[] {
  return Object.entries(input.shape).map(([name, field]) => {
    const { description, ...schema } = schemaOf(field as z.ZodType) as { description?: string };
    return { name, in: 'query', required: false, description, schema };
  });
}

function schemaOf(schema: z.ZodType): object {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema);
  return json;
}
