import type { SyncStatusOut } from '@finverse/shared';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createFaultCounter, registerSyncMetrics } from './metrics.ts';

/** The metrics over a status that the test sets: their lines of the engine. */
function createMetrics() {
  const vault = { id: 'vlt', cursorBlock: 10, lagBlocks: 0, positions: 3, haltedReason: null as string | null };
  const status = { isRunning: true, statistics: { conflicts: 2 }, vaults: [vault] } as unknown as SyncStatusOut;
  const known = { vault, asked: 0, isAway: false };
  const registry = new Registry();
  const faults = createFaultCounter(['vlt']);
  const read = async () => {
    known.asked += 1;
    if (known.isAway) throw new Error('the database is away');
    return status;
  };
  registerSyncMetrics(registry, { api: { status: read }, faults });
  const lines = async () => (await registry.metrics()).split('\n').filter((line) => line.startsWith('finverse'));
  return { known, faults, lines };
}

test('every figure is as of the answer, the first one included, for one reading of the status', async () => {
  const { known, lines } = createMetrics();
  const expected = (cursor: number, halted: number) =>
    [
      `finverse_sync_cursor_block{vault="vlt"} ${cursor}`,
      'finverse_sync_lag_blocks{vault="vlt"} 0',
      'finverse_sync_positions{vault="vlt"} 3',
      `finverse_sync_halted{vault="vlt"} ${halted}`,
      'finverse_sync_total{what="conflicts"} 2',
      'finverse_sync_running 1',
    ] as const;
  const figures = async () => (await lines()).filter((line) => !line.includes('faults'));
  expect(await figures()).toEqual(expected(10, 0));
  Object.assign(known.vault, { cursorBlock: 11, haltedReason: 'dropped' });
  expect(await figures()).toEqual(expected(11, 1));
  expect(known.asked).toBe(2);
});

test('faults are counted by vault and kind, from zero for each, also while the database is away', async () => {
  const { known, faults, lines } = createMetrics();
  faults.inc({ vault: 'vlt', kind: 'node_behind' });
  const counted = async () => (await lines()).filter((line) => line.includes('faults'));
  const before = await counted();
  expect(before).toContain('finverse_sync_faults_total{vault="vlt",kind="node_behind"} 1');
  expect(before).toContain('finverse_sync_faults_total{vault="vlt",kind="internal"} 0');
  expect(before).toContain('finverse_sync_faults_total{vault="",kind="socket_silent"} 0');
  known.isAway = true;
  expect(await lines()).toEqual(before);
});
