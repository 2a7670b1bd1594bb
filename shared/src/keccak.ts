const MASK = (1n << 64n) - 1n;
/** Bytes that a round absorbs: Keccak-256 as Ethereum has it, before NIST changed the padding of SHA-3. */
const RATE = 136;

const ROUND_CONSTANTS = roundConstants();

/** Rotations of the lanes in the order of the ρ and π steps, and where each goes. */
const ROTATIONS = [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
const LANES = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];

/**
 * The Keccak-256 of up to 135 bytes, in hex: for the checksum of an address (EIP-55), which browsers have to tell without a library. For anything longer or
 * frequent, viem has a fast one.
 */
export function keccak256OfShort(bytes: Uint8Array): string {
  if (bytes.length >= RATE) throw new RangeError(`at most ${RATE - 1} bytes`);
  const block = new Uint8Array(RATE);
  block.set(bytes);
  block[bytes.length] = 1;
  block[RATE - 1] = (block[RATE - 1] ?? 0) | 0x80;
  const view = new DataView(block.buffer);
  const state = Array.from({ length: 25 }, (_, lane) => (lane < RATE / 8 ? view.getBigUint64(lane * 8, true) : 0n));
  for (const constant of ROUND_CONSTANTS) permute(state, constant);
  const digest = new DataView(new ArrayBuffer(32));
  for (const lane of [0, 1, 2, 3]) digest.setBigUint64(lane * 8, at(state, lane), true);
  return Array.from(new Uint8Array(digest.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A round of Keccak-f[1600] (https://keccak.team/keccak_specs_summary.html): θ, ρ and π, χ, ι. */
function permute(state: bigint[], constant: bigint): void {
  const columns = [0, 1, 2, 3, 4].map((x) => [0, 5, 10, 15, 20].reduce((sum, y) => sum ^ at(state, x + y), 0n));
  for (let lane = 0; lane < 25; lane += 1) {
    const x = lane % 5;
    state[lane] = at(state, lane) ^ at(columns, (x + 4) % 5) ^ rotate(at(columns, (x + 1) % 5), 1);
  }
  let moved = at(state, 1);
  for (const [step, lane] of LANES.entries()) {
    const next = at(state, lane);
    state[lane] = rotate(moved, ROTATIONS[step] ?? 0);
    moved = next;
  }
  for (let row = 0; row < 25; row += 5) {
    const lanes = state.slice(row, row + 5);
    for (let x = 0; x < 5; x += 1)
      state[row + x] = at(lanes, x) ^ (~at(lanes, (x + 1) % 5) & MASK & at(lanes, (x + 2) % 5));
  }
  state[0] = at(state, 0) ^ constant;
}

/** The constants of the 24 rounds, by the linear feedback shift register that defines them. */
function roundConstants(): bigint[] {
  let register = 1;
  return Array.from({ length: 24 }, () => {
    let constant = 0n;
    for (let bit = 0; bit < 7; bit += 1) {
      if ((register & 1) === 1) constant |= 1n << BigInt(2 ** bit - 1);
      register = register & 0x80 ? ((register << 1) & 0xff) ^ 0x71 : register << 1;
    }
    return constant;
  });
}

function rotate(lane: bigint, bits: number): bigint {
  return ((lane << BigInt(bits)) | (lane >> BigInt(64 - bits))) & MASK;
}

function at(lanes: readonly bigint[], index: number): bigint {
  return lanes[index] ?? 0n;
}
