import type { VaultAdapter } from './adapter.ts';
import { stakeVaultAdapter } from './stake-vault.ts';

const adapters = new Map<string, VaultAdapter>([[stakeVaultAdapter.kind, stakeVaultAdapter]]);

/** The adapter of a shape. Kinds are checked by the settings, so an unknown one is a defect. */
export function adapterOf(kind: string): VaultAdapter {
  const adapter = adapters.get(kind);
  if (!adapter) throw new Error(`no adapter for vault kind ${kind}`);
  return adapter;
}

export type { PinnedReader, VaultAdapter } from './adapter.ts';
