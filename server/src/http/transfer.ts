import { type ExportFilter, exportFilterInput, exportFormats, type ExportFormat } from '@finverse/shared';
import express, { type Request, type RequestHandler, type Router } from 'express';
import type { ExportPart } from '../domains/users/users.port.ts';
import { AppError, invariant } from '../kernel/errors.ts';
import type { Context } from '../trpc/context.ts';
import { refusedInput } from '../trpc/errors.ts';
import type { RateClass } from '../trpc/limits.ts';
import { limitKey, signedIn, unitOf } from '../trpc/procedures.ts';
import { EXPORT_SCOPES, requireScopes } from '../trpc/scopes.ts';
import type { ContextFactory } from './request-context.ts';
import { requestState } from './request-state.ts';
import { allowLongBody } from './request-timeouts.ts';
import { camelCaseInput, RestKeyError, snakeCaseOutput } from './snake-case.ts';

/** What may be uploaded. A web page of another origin may send none of these without asking first. */
export const UPLOAD_TYPES = new Set([
  'text/csv',
  'application/x-ofx',
  'application/vnd.intu.qfx',
  'application/octet-stream',
]);
/** As what the files of an export are served. */
export const MIME: Record<ExportFormat, string> = {
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
  journal: 'text/plain; charset=utf-8',
};

/** What the two count as, and what an API token needs for them: as if they were procedures of these names. */
export const UPLOAD = { path: 'imports.upload', type: 'mutation', access: 'user', rate: 'upload' } as const;
export const DOWNLOAD = {
  path: 'exports.download',
  type: 'query',
  access: 'user',
  rate: 'stream',
  scopes: EXPORT_SCOPES,
} as const;
const ACCOUNT_EXPORT = { path: 'users.export', type: 'query', access: 'session', rate: 'credential' } as const;

/**
 * Whole files, which no JSON carries: `POST /imports/upload` and `GET /exports/ledger.*`, as streams, beside the router and with the same callers, origins and
 * limits; and `GET /users/me/export`, the procedure of that route, whose answer may be too large to hold.
 */
export function serveTransfers(createContext: ContextFactory): Router {
  const router = express.Router();
  router.route('/imports/upload').post(upload(createContext)).all(refuseMethod('POST'));
  for (const format of exportFormats) {
    const route = router.route(`/exports/ledger.${format}`);
    route.get(download(createContext, format)).all(refuseMethod('GET, HEAD'));
  }
  router.get('/users/me/export', exportAccount(createContext));
  return router;
}

/** Answers every method but those that `allowed` lists, as the routes of procedures do. */
function refuseMethod(allowed: string): RequestHandler {
  return (_request, response) => {
    response.setHeader('Allow', allowed);
    throw new AppError('METHOD_NOT_ALLOWED', `This path takes ${allowed}.`);
  };
}

function upload(createContext: ContextFactory): RequestHandler {
  return async (request, response) => {
    requestState(request).route = '/api/v1/imports/upload';
    const context = await createContext(request, response, 1);
    const userId = admit(context, UPLOAD);
    const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
    if (!UPLOAD_TYPES.has(type) || request.headers['content-encoding'] !== undefined) {
      throw new AppError(
        'UNSUPPORTED_MEDIA_TYPE',
        'A file is sent as it is, with Content-Type text/csv, application/x-ofx or application/octet-stream.',
      );
    }
    allowLongBody(request);
    const commitOf = (sha256: string) => unitOf(context, { procedure: UPLOAD.path, input: { sha256 } });
    const file = await context.services.imports.upload(commitOf, userId, request);
    const { id, bytes, sha256, createdAt } = file;
    response.json({ id, bytes, sha256, created_at: createdAt });
  };
}

function download(createContext: ContextFactory, format: ExportFormat): RequestHandler {
  return async (request, response) => {
    requestState(request).route = `/api/v1/exports/ledger.${format}`;
    const context = await createContext(request, response, 1);
    const userId = admit(context, DOWNLOAD);
    const filter = exportFilterOf(request);
    await send(request, context, {
      headers: {
        'Content-Type': MIME[format],
        'Content-Disposition': `attachment; filename="finverse-ledger.${format}"`,
      },
      open: (signal) => context.services.exports.pieces(userId, { ...filter, format, signal }),
    });
  };
}

/** @throws AppError VALIDATION_FAILED naming what is no filter, or none that can be read */
function exportFilterOf(request: Request): ExportFilter {
  const parsed = exportFilterInput.safeParse(camelCaseInput(request.query));
  if (!parsed.success) throw refusedInput(parsed.error);
  return parsed.data;
}

function exportAccount(createContext: ContextFactory): RequestHandler {
  return async (request, response) => {
    requestState(request).route = '/api/v1/users/me/export';
    const unknown = Object.keys(request.query).map((path) => ({ path, message: 'unknown field' }));
    if (unknown.length > 0) throw new RestKeyError(unknown);
    const context = await createContext(request, response, 1);
    const userId = admit(context, ACCOUNT_EXPORT);
    await send(request, context, {
      headers: { 'Content-Type': MIME.json },
      open: () => toJson(context.services.users.exportParts(userId)),
    });
  };
}

type Piece = { piece: { text: string; isLast: boolean } };
type Sent = { headers: Record<string, string>; open: (signal: AbortSignal) => AsyncIterable<Piece> };

/** Sends the pieces of a file as they come. Before the first one an error is an answer like any other; later the connection ends. */
async function send(request: Request, context: Context, { headers, open }: Sent): Promise<void> {
  const response = request.res;
  invariant(response, 'a request that is served has a response');
  if (request.method === 'HEAD') {
    response.set({ ...headers, 'Cache-Control': 'no-store' }).end();
    return;
  }
  const reader = { callerKey: limitKey(context), signal: leaving(request), isSignedIn: context.isStillSignedIn };
  const stream = context.streams.open(reader);
  try {
    for await (const { piece } of stream.read(open(stream.signal))) {
      if (!response.headersSent) response.set({ ...headers, 'Cache-Control': 'no-store' });
      if (!response.write(piece.text)) await drained(response, stream.signal);
      if (piece.isLast) response.end();
    }
    // What ends without its last piece must not look like a whole file.
    if (!response.writableEnded) response.destroy();
  } finally {
    stream.close();
  }
}

/** The parts of a person's export as the text of one JSON object, as REST writes it. */
async function* toJson(parts: AsyncIterable<ExportPart>): AsyncGenerator<Piece> {
  const write = (value: unknown) => JSON.stringify(snakeCaseOutput(value));
  let section: string | null = null;
  let isFirstItem = true;
  for await (const part of parts) {
    let text = '';
    if ('head' in part) {
      text = `${write(part.head).slice(0, -1)},"sections":[`;
    } else {
      if (part.section !== section) {
        text += `${section === null ? '' : ']},'}\n{"name":${write(part.section)},"items":[`;
        section = part.section;
        isFirstItem = true;
      }
      for (const item of part.items) {
        text += `${isFirstItem ? '' : ','}\n${write(item)}`;
        isFirstItem = false;
      }
    }
    yield { piece: { text, isLast: false } };
  }
  yield { piece: { text: `${section === null ? '' : ']}'}]}\n`, isLast: true } };
}

/** Lets a person in as a procedure does, and answers who it is. @throws AppError RATE_LIMITED, FORBIDDEN, UNAUTHENTICATED */
function admit(
  context: Context,
  { rate, ...procedure }: Parameters<typeof requireScopes>[0] & { rate: RateClass },
): string {
  const { caller } = context;
  context.limiter.take(rate, limitKey(context));
  if (caller?.tokenScopes) requireScopes(procedure, caller.tokenScopes);
  return signedIn(context).userId;
}

/** Aborts when the client has gone. */
function leaving(request: Request): AbortSignal {
  const left = new AbortController();
  request.res?.once('close', () => left.abort());
  return left.signal;
}

function drained(response: NonNullable<Request['res']>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
