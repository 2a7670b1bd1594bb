import { ChainReadError, DeepReorgError, NodeBehindError, StaleWriterError, UnexplainedTotalError } from './errors.ts';

/** What a vault's work fails of, and, the last two, what it mends by itself in an answer of a node. */
export const vaultFaultKinds = [
  'chain_unreadable',
  'node_behind',
  'deep_reorg',
  'unexplained_total',
  'stale_writer',
  'internal',
  'empty_answer',
  'range_refused',
] as const;

/** What goes wrong with the heads, which all vaults share. */
export const watcherFaultKinds = ['head_unreadable', 'socket_ended', 'socket_silent'] as const;

/** Labels of a metric, so few and fixed; docs/failure-modes.md says what each is. */
export type FaultKind = (typeof vaultFaultKinds)[number] | (typeof watcherFaultKinds)[number];

/** Told of each fault, for the metrics. */
export type OnFault = (kind: FaultKind) => void;

/** What kind of fault has ended a vault's work. */
export function faultKindOf(error: unknown): FaultKind {
  if (error instanceof NodeBehindError) return 'node_behind';
  if (error instanceof ChainReadError) return 'chain_unreadable';
  if (error instanceof DeepReorgError) return 'deep_reorg';
  if (error instanceof UnexplainedTotalError) return 'unexplained_total';
  return error instanceof StaleWriterError ? 'stale_writer' : 'internal';
}
