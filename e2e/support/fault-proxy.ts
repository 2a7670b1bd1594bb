import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { FrameReader, textFrame } from './websocket-frames.ts';

/**
 * How a node misbehaves. `refuse`: nothing listens, nothing is held open · `hang`: requests are never answered, the socket says nothing · `lagging`: a node
 * that is some blocks behind the others behind the same address; the socket still tells of every head · `nullBlocks`: knows the newest block and none by its
 * number · `stateless`: knows blocks and logs, but answers every eth_call with an error or with nothing · `emptyLogs`: every eth_getLogs answers [] ·
 * `dropOneLog`: one log is left out of the first answer that has any · `otherFork`: block and logs of that number come from a node that holds on to a block
 * which the others have dropped · `silentSocket`: the WebSocket stays open and answers calls, but tells of no head.
 */
export type FaultMode =
  | { kind: 'pass' }
  | { kind: 'refuse' }
  | { kind: 'error500' }
  | { kind: 'rpcError'; code: number; message: string }
  | { kind: 'slow'; delayMs: number }
  | { kind: 'hang' }
  | { kind: 'garbage'; form: 'html' | 'truncated' | 'null' | 'wrongShape' }
  | { kind: 'stateless'; form: 'error' | 'empty' }
  | { kind: 'emptyLogs' }
  | { kind: 'dropOneLog'; which: 'first' | 'last' }
  | { kind: 'lagging'; blocks: number }
  | { kind: 'nullBlocks' }
  | { kind: 'otherFork'; dropped: DroppedBlock }
  | { kind: 'silentSocket' }
  | { kind: 'rangeLimit'; blocks: number }
  | { kind: 'hugeResponse'; bytes: number };

/** A block as a node answered it, and its logs, before the chain dropped it. */
export type DroppedBlock = { block: { number: string; hash: string }; logs: Record<string, unknown>[] };

/** A node between the server and the real one, that behaves as it is told. */
export type FaultProxy = {
  rpcUrl: string;
  wsUrl: string;
  setMode(mode: FaultMode): Promise<void>;
  /** Resolves when the next call of that method has been answered. */
  answered(method: string): Promise<void>;
  /** How many answers it has spoilt in this mode: a test that passes without any has shown nothing. */
  spoilt(): number;
  close(): Promise<void>;
};

type Call = { id: unknown; method: string; params?: unknown[] };
type Answer = { jsonrpc: '2.0'; id: unknown; result?: unknown; error?: { code: number; message: string } };
type Log = Record<string, unknown>;

const HOST = '127.0.0.1';

/** The others let some answers pass, and count for themselves. */
const spoilsWholeAnswers = new Set<FaultMode['kind']>([
  'hang',
  'error500',
  'hugeResponse',
  'garbage',
  'rpcError',
  'slow',
]);

/** Starts a proxy before the node at `upstreamUrl`, on a port that stays its own. */
export async function startFaultProxy(upstreamUrl: string): Promise<FaultProxy> {
  const upstream = new URL(upstreamUrl);
  const sockets = new Set<Socket>();
  let mode: FaultMode = { kind: 'pass' };
  let spoilt = 0;
  const listeners = new Set<{ method: string; tell: () => void }>();

  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, client, head) => pipeSocket(request, client, head));

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    const calls = [JSON.parse(body)].flat() as Call[];
    const current = mode;
    if (spoilsWholeAnswers.has(current.kind)) spoilt += 1;
    switch (current.kind) {
      case 'refuse':
        response.destroy();
        return;
      case 'hang':
        return;
      case 'error500':
        response.writeHead(500, { 'content-type': 'text/plain' }).end('internal server error');
        return;
      case 'hugeResponse':
        await writeHuge(response, current.bytes);
        return;
      case 'garbage':
        if (current.form === 'html' || current.form === 'truncated') {
          const text =
            current.form === 'html' ? '<html><body>Bad gateway</body></html>' : (await ask(body)).slice(0, 25);
          response
            .writeHead(200, { 'content-type': current.form === 'html' ? 'text/html' : 'application/json' })
            .end(text);
          return;
        }
        break;
      case 'slow':
        await delay(current.delayMs);
        break;
      default:
    }
    const answers = await Promise.all(calls.map((call) => answerCall(call, current)));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body.trimStart().startsWith('[') ? answers : answers[0]));
    for (const listener of listeners) {
      if (!calls.some(({ method }) => method === listener.method)) continue;
      listeners.delete(listener);
      listener.tell();
    }
  };

  const ask = async (body: string): Promise<string> =>
    (await fetch(upstreamUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).text();
  const askOne = async (call: Call): Promise<Answer> =>
    JSON.parse(await ask(JSON.stringify({ jsonrpc: '2.0', ...call }))) as Answer;
  const headNumber = async (): Promise<number> =>
    Number((await askOne({ id: 1, method: 'eth_blockNumber', params: [] })).result);

  const answerCall = async (call: Call, current: FaultMode): Promise<Answer> => {
    const spoil = (answer: Pick<Answer, 'error' | 'result'>): Answer => {
      spoilt += 1;
      return { jsonrpc: '2.0', id: call.id, ...answer };
    };
    const error = (code: number, message: string) => spoil({ error: { code, message } });
    const result = (value: unknown) => spoil({ result: value });
    switch (current.kind) {
      case 'rpcError':
        return error(current.code, current.message);
      case 'garbage':
        return result(current.form === 'null' ? null : { number: 'soon', logs: 17 });
      case 'lagging':
        return answerLate(call, Math.max(0, (await headNumber()) - current.blocks), { error, result });
      case 'nullBlocks':
        return call.method === 'eth_getBlockByNumber' && isQuantity(call.params?.[0]) ? result(null) : askOne(call);
      case 'stateless':
        if (call.method !== 'eth_call') return askOne(call);
        return current.form === 'error' ? error(-32_000, 'missing trie node') : result('0x');
      case 'emptyLogs':
        return call.method === 'eth_getLogs' ? result([]) : askOne(call);
      case 'dropOneLog':
        return dropOne(await askOne(call), call, current.which);
      case 'otherFork': {
        const { block, logs } = current.dropped;
        const [named] = call.params ?? [];
        if (call.method === 'eth_getBlockByNumber' && named === block.number) return result(block);
        if (call.method !== 'eth_getLogs') return askOne(call);
        const { blockHash, fromBlock, toBlock } = named as Record<
          'blockHash' | 'fromBlock' | 'toBlock',
          string | undefined
        >;
        const number = Number(block.number);
        const isAsked = blockHash === block.hash || (Number(fromBlock) <= number && number <= Number(toBlock));
        return isAsked ? result(logs) : askOne(call);
      }
      case 'rangeLimit': {
        const { fromBlock, toBlock } = (call.params?.[0] ?? {}) as { fromBlock?: string; toBlock?: string };
        const blocks = Number(toBlock) - Number(fromBlock) + 1;
        return call.method === 'eth_getLogs' && blocks > current.blocks
          ? error(-32_005, `eth_getLogs is limited to a ${current.blocks} block range`)
          : askOne(call);
      }
      default:
        return askOne(call);
    }
  };

  const dropOne = (answer: Answer, { method }: Call, which: 'first' | 'last'): Answer => {
    const logs = answer.result as Log[];
    if (method !== 'eth_getLogs' || spoilt > 0 || logs.length === 0) return answer;
    spoilt += 1;
    return { ...answer, result: which === 'first' ? logs.slice(1) : logs.slice(0, -1) };
  };

  type Replies = { error: (code: number, message: string) => Answer; result: (value: unknown) => Answer };

  /** As a node answers whose newest block is `head`: what lies above it, it does not know. */
  const answerLate = async (call: Call, head: number, { error, result }: Replies): Promise<Answer> => {
    const [first, second] = call.params ?? [];
    if (call.method === 'eth_blockNumber') return result(toQuantity(head));
    if (call.method === 'eth_getBlockByNumber') {
      if (first === 'latest' || first === 'pending') return askOne({ ...call, params: [toQuantity(head), second] });
      return Number(first) > head ? result(null) : askOne(call);
    }
    const named = (call.method === 'eth_getLogs' ? first : second) as
      { blockHash?: string; toBlock?: string } | undefined;
    if (named?.blockHash !== undefined) {
      const block = (await askOne({ id: 1, method: 'eth_getBlockByHash', params: [named.blockHash, false] })).result;
      const number = Number((block as { number?: string } | null)?.number ?? Infinity);
      return number > head ? error(-32_001, 'header not found') : askOne(call);
    }
    if (call.method === 'eth_getLogs' && Number(named?.toBlock) > head)
      return error(-32_000, 'block range extends beyond current head block');
    return askOne(call);
  };

  /** Passes a WebSocket on by hand: bytes as they come upwards, frame by frame downwards, so that single messages can be held back. */
  const pipeSocket = (request: IncomingMessage, client: Duplex, head: Buffer): void => {
    const node = connect(Number(upstream.port), upstream.hostname);
    const closeBoth = () => {
      client.destroy();
      node.destroy();
    };
    for (const end of [client, node]) end.once('error', closeBoth).once('close', closeBoth);
    const headers = Object.entries(request.headers)
      // Without extensions no frame is compressed, so each can be read here.
      .filter(([name]) => name !== 'sec-websocket-extensions')
      .map(([name, value]) => `${name}: ${String(value)}`);
    node.write(`GET / HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    node.write(head);
    client.on('data', (chunk: Buffer) => {
      if (mode.kind !== 'hang') node.write(chunk);
    });
    const frames = new FrameReader();
    node.on('data', (chunk: Buffer) => {
      for (const { bytes, text } of frames.read(chunk)) {
        if (mode.kind === 'hang') continue;
        if (mode.kind === 'silentSocket' && text?.includes('eth_subscription')) {
          spoilt += 1;
          continue;
        }
        const isSpoilt = mode.kind === 'garbage' && text?.includes('eth_subscription');
        client.write(isSpoilt ? textFrame('<html>') : bytes);
      }
    });
  };

  const listen = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, HOST, () => {
        const address = server.address();
        if (address && typeof address === 'object') resolve(address.port);
      });
    });
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  const unlisten = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      hangUp();
    });
  const port = await listen(0);
  return {
    rpcUrl: `http://${HOST}:${port}`,
    wsUrl: `ws://${HOST}:${port}`,
    answered: (method) => new Promise((resolve) => listeners.add({ method, tell: resolve })),
    spoilt: () => spoilt,
    setMode: async (next) => {
      const wasDeaf = !server.listening;
      // What hung before is ended, as a node that comes back has forgotten it.
      if (mode.kind === 'hang' && next.kind !== 'hang') hangUp();
      mode = next;
      spoilt = 0;
      if (next.kind === 'refuse') await unlisten();
      else if (wasDeaf) await listen(port);
    },
    close: async () => {
      if (server.listening) await unlisten();
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** A body that goes on for longer than anybody should read. */
async function writeHuge(response: ServerResponse, bytes: number): Promise<void> {
  const block = 'a'.repeat(1024 * 1024);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"jsonrpc":"2.0","id":1,"result":"');
  for (let written = 0; written < bytes && !response.destroyed; written += block.length) {
    if (response.write(block)) continue;
    await new Promise<void>((resolve) => {
      const goOn = () => {
        response.off('drain', goOn).off('close', goOn);
        resolve();
      };
      response.once('drain', goOn).once('close', goOn);
    });
  }
  response.end('"}');
}

function isQuantity(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('0x');
}

function toQuantity(value: number): string {
  return `0x${value.toString(16)}`;
}
