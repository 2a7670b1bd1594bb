import type { ErrorDetail } from '@finverse/shared';
import { TRPCClientError } from '@trpc/client';
import { hasContentType, isObject, UnexpectedAnswer } from './answers.ts';
import type { FinverseClient } from './client.ts';
import { connectionOf } from './connection.ts';
import { toFinverseError } from './errors.ts';
import { keyOf, noKey } from './idempotency.ts';
import type { AppRouter, ErrorData, ImportFile } from './types.ts';

/** A bank file: one that a person picked, its text or bytes, or a stream of bytes. */
export type ImportFileSource = Blob | ReadableStream<Uint8Array> | ArrayBuffer | Uint8Array<ArrayBuffer> | string;

/**
 * Uploads a bank file of any size that the server takes (512 MB). It is kept there for a day; its id is the `fileId` of `imports.create`. Nothing is imported yet.
 * Sent again with the same `idempotencyKey` after an answer was lost, it is kept once, and the answer is the first one's.
 *
 * @throws FinverseError as every call: PAYLOAD_TOO_LARGE, CONFLICT where too many files wait already, IDEMPOTENCY_KEY_REUSED, INVALID_OPTIONS, RATE_LIMITED, UNAUTHENTICATED, FORBIDDEN, UNREACHABLE, ABORTED.
 * @throws TypeError where the client is none of this package's.
 * @example
 * const { id: fileId } = await uploadImportFile(finverse, input.files[0]);
 * const { warnings } = await finverse.imports.create.mutate({ source: 'my-bank', accountId, fileId });
 */
export async function uploadImportFile(
  finverse: FinverseClient,
  file: ImportFileSource,
  { signal, idempotencyKey }: { signal?: AbortSignal; idempotencyKey?: string | number } = {},
): Promise<ImportFile> {
  const { url, headers, fetch } = connectionOf(finverse);
  try {
    const key = keyOf(idempotencyKey);
    if (key === null) throw noKey('idempotencyKey');
    const response = await fetch(`${url}/api/v1/imports/upload`, {
      method: 'POST',
      headers: { ...(await headers()), 'content-type': 'application/octet-stream', 'idempotency-key': key },
      body: file,
      ...(signal ? { signal } : {}),
      // What fetch asks for with a stream, and TypeScript does not know yet.
      ...(file instanceof ReadableStream ? { duplex: 'half' } : {}),
    });
    return await readAnswer(response);
  } catch (thrown) {
    const error = TRPCClientError.from<AppRouter>(thrown instanceof Error ? thrown : new Error(String(thrown)));
    throw toFinverseError(error, { url, isAborted: signal?.aborted === true });
  }
}

/** @throws TRPCClientError as a procedure would, where the server refuses; UnexpectedAnswer */
async function readAnswer(response: Response): Promise<ImportFile> {
  const body: unknown = hasContentType(response, 'application/json') ? await response.json() : null;
  if (!isObject(body)) throw new UnexpectedAnswer(response.status);
  const { id, bytes, sha256, created_at: createdAt, error } = body;
  if (isObject(error)) {
    const { message, code, request_id: requestId, details } = error;
    const data = { code, httpStatus: response.status, requestId, details: details as ErrorDetail[] } as ErrorData;
    throw TRPCClientError.from<AppRouter>(
      { error: { code: -32_603, message: String(message), data } },
      { meta: { response } },
    );
  }
  if (!response.ok || typeof id !== 'string') throw new UnexpectedAnswer(response.status);
  return { id, bytes, sha256, createdAt } as ImportFile;
}
