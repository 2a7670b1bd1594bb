export type { Page, PageRequest } from './sync.port.ts';
export type { AsOf, Correction, FactSink, SinkChange, StoredPage, StoredPosition } from './sink.ts';
export { NO_SINK_CHANGE } from './changes.ts';
export { createSyncEngine, type SyncEngine, type SyncSettings } from './engine.ts';
export { rereadVault } from './reread-vault.ts';
export { findVaults, readVaults } from './vault-store.ts';
export { syncEntities } from './sync.entity.ts';
export * from './types.ts';
export { adapterOf } from './vaults/index.ts';
