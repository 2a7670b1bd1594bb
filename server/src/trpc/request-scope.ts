import { AsyncLocalStorage } from 'node:async_hooks';

const scope = new AsyncLocalStorage<string>();

/** Runs `work` so that {@link currentRequestId} answers this id in everything it starts. */
export function withRequestId<Result>(requestId: string, work: () => Result): Result {
  return scope.run(requestId, work);
}

/** The id of the HTTP request that this code runs for. tRPC formats some errors before there is a context to ask. */
export function currentRequestId(): string {
  return scope.getStore() ?? 'none';
}
