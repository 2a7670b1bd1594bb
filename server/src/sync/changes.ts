import type { ChangeCounts } from '@finverse/shared';
import type { SinkChange } from './sink.ts';

// What work on a vault has changed: as it is counted for a run, and as the tables' owner answers it.

export const NO_CHANGES: ChangeCounts = { factsApplied: 0, creates: 0, updates: 0, deletes: 0, conflicts: 0 };

export function addChanges(a: ChangeCounts, b: ChangeCounts): ChangeCounts {
  return {
    factsApplied: a.factsApplied + b.factsApplied,
    creates: a.creates + b.creates,
    updates: a.updates + b.updates,
    deletes: a.deletes + b.deletes,
    conflicts: a.conflicts + b.conflicts,
  };
}

export const NO_SINK_CHANGE: SinkChange = {
  factsApplied: 0,
  created: 0,
  updated: 0,
  deleted: 0,
  removed: 0,
  stakedDeltaRaw: 0n,
  events: [],
};

export function addSinkChanges(a: SinkChange, b: SinkChange): SinkChange {
  return {
    factsApplied: a.factsApplied + b.factsApplied,
    created: a.created + b.created,
    updated: a.updated + b.updated,
    deleted: a.deleted + b.deleted,
    removed: a.removed + b.removed,
    stakedDeltaRaw: a.stakedDeltaRaw + b.stakedDeltaRaw,
    events: [...a.events, ...b.events],
  };
}
