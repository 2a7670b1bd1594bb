import { Gauge, type Registry } from 'prom-client';
import type { SyncApi } from './sync.port.ts';

/** Adds the engine's figures to the metrics: read from the status whenever they are asked for. */
export function registerSyncMetrics(registry: Registry, api: SyncApi): void {
  const vaultGauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['vault'], registers: [registry] });
  const cursor = vaultGauge('finverse_sync_cursor_block', 'Last applied block');
  const lag = vaultGauge('finverse_sync_lag_blocks', 'Blocks between the head and the cursor');
  const positions = vaultGauge('finverse_sync_positions', 'Positions of the vault');
  const halted = vaultGauge(
    'finverse_sync_halted',
    '1 where the vault stopped after a reorganisation deeper than finality',
  );
  const counters = new Gauge({
    name: 'finverse_sync_total',
    help: 'Counters of the engine',
    labelNames: ['what'],
    registers: [registry],
  });
  new Gauge({
    name: 'finverse_sync_running',
    help: '1 where the durable intent is to run',
    registers: [registry],
    async collect() {
      const status = await api.status();
      this.set(status.isRunning ? 1 : 0);
      for (const [what, value] of Object.entries(status.statistics)) counters.set({ what }, value);
      for (const vault of status.vaults) {
        const label = { vault: vault.id };
        cursor.set(label, vault.cursorBlock ?? -1);
        lag.set(label, vault.lagBlocks ?? 0);
        positions.set(label, vault.positions);
        halted.set(label, vault.haltedReason === null ? 0 : 1);
      }
    },
  });
}
