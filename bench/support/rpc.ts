export type Hex = `0x${string}`;

export type RpcCall = { method: string; params: readonly unknown[] };

/** One JSON-RPC call, with nothing between the caller and `fetch`. @throws Error with the node's own message. */
export async function rpc<Result = unknown>(
  url: string,
  method: string,
  params: readonly unknown[] = [],
): Promise<Result> {
  const [result] = await post<Result>(url, [{ method, params }]);
  return result as Result;
}

/** Many calls in one JSON-RPC batch; the answers in the order of the calls. @throws Error for the first call that failed. */
export async function rpcBatch<Result = unknown>(url: string, calls: readonly RpcCall[]): Promise<Result[]> {
  return calls.length === 0 ? [] : post<Result>(url, calls);
}

export const toQuantity = (value: number | bigint): Hex => `0x${value.toString(16)}`;

async function post<Result>(url: string, calls: readonly RpcCall[]): Promise<Result[]> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(calls.map((call, id) => ({ jsonrpc: '2.0', id, ...call }))),
  });
  const answers = (await response.json()) as { id: number; result?: Result; error?: { message: string } }[];
  const results = Array<Result>(calls.length);
  for (const { id, result, error } of answers) {
    if (error) throw new Error(`${calls[id]?.method}: ${error.message}`);
    results[id] = result as Result;
  }
  return results;
}
