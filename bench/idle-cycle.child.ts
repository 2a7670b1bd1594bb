/** Syncs a chain, then runs reconcile cycles in which nothing has changed; counts what each asks of the node and of the database. */
import { setTimeout as delay } from 'node:timers/promises';
import { childTask, finishChild } from './support/child.ts';
import { openEngine } from './support/engine.ts';

export type IdleCycles = {
  requests: number[];
  statements: number[];
  milliseconds: number[];
  verified: number[];
  byMethod: Record<string, number>;
};

const task = childTask() as { databaseUrl: string; rpcUrl: string; wsUrl: string; head: number; cycles: number };
const methods: string[] = [];
let statements = 0;
const { engine } = await openEngine(task, {
  onStatement: () => void (statements += 1),
  onRpcRequest: (method) => void methods.push(method),
});
await engine.begin();
while (engine.services[0]?.writer.cursor?.number !== task.head) await delay(5);
// Joins the cycle that did the back-fill; the next one is idle.
await engine.api.runCycle();

const measured: IdleCycles = { requests: [], statements: [], milliseconds: [], verified: [], byMethod: {} };
for (let i = 0; i < task.cycles; i += 1) {
  methods.length = 0;
  statements = 0;
  const startedAt = performance.now();
  const cycle = await engine.api.runCycle();
  measured.milliseconds.push(performance.now() - startedAt);
  if (
    cycle.outcome !== 'succeeded' ||
    cycle.factsApplied + cycle.creates + cycle.updates + cycle.deletes + cycle.conflicts > 0
  )
    throw new Error(`a cycle was not idle: ${JSON.stringify(cycle)}`);
  measured.requests.push(methods.length);
  measured.statements.push(statements);
  measured.verified.push(cycle.positionsVerified);
  for (const method of methods) measured.byMethod[method] = (measured.byMethod[method] ?? 0) + 1 / task.cycles;
}
await engine.close();
finishChild(measured);
