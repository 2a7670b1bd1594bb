export type DevChainErrorCode =
  | 'ANVIL_NOT_FOUND'
  | 'ANVIL_PORT_IN_USE'
  | 'ANVIL_START_FAILED'
  | 'ANVIL_STATE_LOCKED'
  | 'DEV_CHAIN_OCCUPIED'
  | 'DEV_CHAIN_RPC'
  | 'DEV_CHAIN_TRANSACTION_FAILED';

/** A failure of the embedded chain. The message says what to do; it is meant for the operator's terminal. */
export class DevChainError extends Error {
  override name = 'DevChainError';
  readonly code: DevChainErrorCode;

  constructor(code: DevChainErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
