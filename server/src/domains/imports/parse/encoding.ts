import { analyse } from 'chardet';
import { AppError } from '../../../kernel/errors.ts';

const BOMS: readonly [encoding: string, bytes: readonly number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/**
 * The encoding of a text by its beginning: its byte order mark; UTF-16 where every other byte is zero; UTF-8 where it is valid; otherwise the likeliest.
 */
export function detectEncoding(sample: Buffer): string {
  const marked = BOMS.find(([, bytes]) => bytes.every((byte, index) => sample[index] === byte));
  if (marked) return marked[0];
  const zeros = [0, 0];
  for (const [index, byte] of sample.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  if (odd > sample.length / 4 && even < odd / 4) return 'utf-16le';
  if (even > sample.length / 4 && odd < even / 4) return 'utf-16be';
  if (isValid(sample, 'utf-8')) return 'utf-8';
  // Single-byte Western text is what banks write that do not write UTF-8; other guesses must be sure of themselves.
  const [guess] = analyse(sample.subarray(0, 64 * 1024));
  if (guess && guess.confidence >= 60 && !/^ISO-8859-1$|^UTF-8$|^UTF-(16|32)/i.test(guess.name) && isKnown(guess.name))
    return guess.name.toLowerCase();
  return 'windows-1252';
}

function isValid(sample: Buffer, encoding: string): boolean {
  try {
    // A character that the sample's end cuts in two is no fault.
    new TextDecoder(encoding, { fatal: true }).decode(sample, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Whether an encoding was told by the bytes themselves; any other is a guess. */
export function isCertain(detected: string): boolean {
  return detected.startsWith('utf-');
}

/** Whether an encoding may be that of bytes which are no UTF-8: it has all of them. A character that the sample's end cuts in two is no fault. */
export function isLikely(encoding: string, sample: Buffer): boolean {
  if (!isKnown(encoding) || new TextDecoder(encoding).encoding.startsWith('utf-16')) return false;
  return isValid(sample, encoding);
}

/** True for a label of the WHATWG encoding standard. */
export function isKnown(encoding: string): boolean {
  try {
    new TextDecoder(encoding);
    return true;
  } catch {
    return false;
  }
}

/**
 * The text of a byte stream, piece by piece, without its byte order mark.
 *
 * @throws AppError IMPORT_FAULTY where bytes are none of that encoding: nothing is replaced silently
 */
export async function* decodeStream(
  source: AsyncIterable<Uint8Array>,
  encoding: string,
  onBytes: (count: number) => void = () => undefined,
): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let offset = 0;
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (error) {
      throw new AppError('IMPORT_FAULTY', `The file is not ${encoding} throughout: choose its encoding.`, {
        details: [{ path: 'settings.encoding', message: `does not fit the bytes after ${offset}` }],
        cause: error,
      });
    }
  };
  for await (const bytes of source) {
    const text = decode(bytes);
    offset += bytes.length;
    onBytes(bytes.length);
    if (text !== '') yield text;
  }
  const rest = decode();
  if (rest !== '') yield rest;
}
