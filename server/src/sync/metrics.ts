import type { SyncStatusOut, VaultStatusOut } from '@finverse/shared';
import { Counter, Gauge, type Registry } from 'prom-client';
import { type FaultKind, vaultFaultKinds, watcherFaultKinds } from './fault-kinds.ts';
import type { SyncApi } from './sync.port.ts';

export type FaultCounter = Counter<'vault' | 'kind'>;

/** Counts faults by vault and {@link FaultKind}, from zero for each; the vault is empty for what concerns all of them. */
export function createFaultCounter(vaultIds: readonly string[]): FaultCounter {
  const counter: FaultCounter = new Counter({
    name: 'finverse_sync_faults_total',
    help: 'Faults of the engine since the process began',
    labelNames: ['vault', 'kind'],
    registers: [],
  });
  const begin = (vault: string, kinds: readonly FaultKind[]) =>
    kinds.forEach((kind) => counter.inc({ vault, kind }, 0));
  for (const vaultId of vaultIds) begin(vaultId, vaultFaultKinds);
  begin('', watcherFaultKinds);
  return counter;
}

/** Adds the engine's figures to the metrics: its faults, and what the status says whenever they are asked for. */
export function registerSyncMetrics(
  registry: Registry,
  { api, faults }: { api: Pick<SyncApi, 'status'>; faults: FaultCounter },
): void {
  registry.registerMetric(faults);
  let reading: Promise<SyncStatusOut | null> | null = null;
  /** Read once for all figures of one answer; null where the database is away: then they are left out, and those of the process are not. */
  const readStatus = () => {
    reading ??= api
      .status()
      .catch(() => null)
      .finally(() => {
        reading = null;
      });
    return reading;
  };
  // Each has to wait for the status itself: those that do not are told as they were before.
  const statusGauge = (
    name: string,
    help: string,
    label: 'vault' | 'what',
    valuesOf: (status: SyncStatusOut) => Iterable<[string, number]>,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      async collect() {
        const status = await readStatus();
        this.reset();
        for (const [labelled, value] of status ? valuesOf(status) : []) this.set({ [label]: labelled }, value);
      },
    });
  const vaultGauge = (name: string, help: string, valueOf: (vault: VaultStatusOut) => number) =>
    statusGauge(name, help, 'vault', ({ vaults }) => vaults.map((vault) => [vault.id, valueOf(vault)]));
  vaultGauge('finverse_sync_cursor_block', 'Last applied block', ({ cursorBlock }) => cursorBlock ?? -1);
  vaultGauge('finverse_sync_lag_blocks', 'Blocks between the head and the cursor', ({ lagBlocks }) => lagBlocks ?? 0);
  vaultGauge('finverse_sync_positions', 'Positions of the vault', ({ positions }) => positions);
  vaultGauge(
    'finverse_sync_halted',
    '1 where the vault stopped after a reorganisation deeper than finality',
    ({ haltedReason }) => (haltedReason === null ? 0 : 1),
  );
  statusGauge('finverse_sync_total', 'Counters of the engine', 'what', ({ statistics }) => Object.entries(statistics));
  new Gauge({
    name: 'finverse_sync_running',
    help: '1 where the durable intent is to run',
    registers: [registry],
    async collect() {
      const status = await readStatus();
      if (status) this.set(status.isRunning ? 1 : 0);
      else this.remove();
    },
  });
}
