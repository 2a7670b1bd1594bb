/** A back-fill by the engine, alone in its process: from `begin()` to the cursor at the head. */
import { setTimeout as delay } from 'node:timers/promises';
import { childTask, finishChild } from './support/child.ts';
import { openEngine } from './support/engine.ts';
import { peakMemoryMb } from './support/memory.ts';

const task = childTask() as { databaseUrl: string; rpcUrl: string; wsUrl: string; head: number };
const { engine } = await openEngine(task);
const [service] = engine.services;
const startMb = process.memoryUsage.rss() / 2 ** 20;
const cpuAtStart = process.cpuUsage();
const startedAt = performance.now();
await engine.begin();
while (service?.writer.cursor?.number !== task.head) await delay(1);
const elapsedMs = performance.now() - startedAt;
const { user, system } = process.cpuUsage(cpuAtStart);
finishChild({ elapsedMs, startMb, cpuMs: (user + system) / 1000, peakMb: peakMemoryMb() });
