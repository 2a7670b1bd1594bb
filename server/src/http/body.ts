import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import express, { type Request, type RequestHandler } from 'express';
import { AppError } from '../kernel/errors.ts';

/** True where the request says that its body is JSON. */
export function isJson(request: IncomingMessage): boolean {
  return request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
}

/** @throws AppError UNSUPPORTED_MEDIA_TYPE where the body is said to be in another encoding than that of JSON (RFC 8259: UTF-8) */
export function requireUtf8Charset({ headers }: IncomingMessage): void {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'The body must be plain UTF-8 JSON.');
}

/** True where a body follows the headers. */
export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

/**
 * Reads the body into `request.body`, as the text that it is; undefined where there is none. One reader for each size.
 *
 * @throws AppError VALIDATION_FAILED for bytes that are no UTF-8, each of which would become U+FFFD and be kept so
 */
export function readText(bytesMaxOf: (request: Request) => number): RequestHandler {
  const readers = new Map<number, RequestHandler>();
  return (request, response, next) => {
    const limit = bytesMaxOf(request);
    const reader = readers.get(limit) ?? express.text({ type: () => true, limit, inflate: false, verify: requireUtf8 });
    readers.set(limit, reader);
    reader(request, response, next);
  };
}

function requireUtf8(_request: IncomingMessage, _response: unknown, body: Buffer, encoding: string): void {
  if (!/^utf-?8$/i.test(encoding) || isUtf8(body)) return;
  const message = 'is not valid UTF-8';
  throw new AppError('VALIDATION_FAILED', `The body ${message}.`, { details: [{ path: '', message }] });
}
