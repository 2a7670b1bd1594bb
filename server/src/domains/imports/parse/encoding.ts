import { analyse } from 'chardet';
import { AppError } from '../../../kernel/errors.ts';

const BOMS: readonly [encoding: string, bytes: readonly number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** What the banks of a country write that do not write UTF-8, by the currency of their accounts; of all others windows-1252. */
const BY_CURRENCY: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'windows-1250': 'PLN CZK HUF RON BAM ALL',
    'windows-1251': 'RUB UAH BYN BGN KZT KGS MKD RSD',
    'windows-1254': 'TRY AZN',
    'windows-1255': 'ILS',
    'windows-1256': 'SAR AED EGP QAR KWD BHD OMR JOD IQD',
    'windows-874': 'THB',
    shift_jis: 'JPY',
    'euc-kr': 'KRW',
    gb18030: 'CNY',
    big5: 'TWD HKD',
  }).flatMap(([encoding, currencies]) => currencies.split(' ').map((currency) => [currency, encoding] as const)),
);

/**
 * The encoding of a text by its beginning: its byte order mark; UTF-16 where every other byte is zero; UTF-8 where it is valid; otherwise the likeliest, by its
 * bytes and by the currency of the account.
 */
export function detectEncoding(sample: Buffer, currency: string | null = null): string {
  const marked = BOMS.find(([, bytes]) => bytes.every((byte, index) => sample[index] === byte));
  if (marked) return marked[0];
  const zeros = [0, 0];
  for (const [index, byte] of sample.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  if (odd > sample.length / 4 && even < odd / 4) return 'utf-16le';
  if (even > sample.length / 4 && odd < even / 4) return 'utf-16be';
  if (isValid(sample, 'utf-8')) return 'utf-8';
  // Guesses must be sure of themselves; otherwise it is what the banks of the country write.
  const [guess] = analyse(sample.subarray(0, 64 * 1024));
  if (guess && guess.confidence >= 60 && !/^ISO-8859-1$|^UTF-8$|^UTF-(16|32)/i.test(guess.name) && isKnown(guess.name))
    return guess.name.toLowerCase();
  const usual = BY_CURRENCY.get(currency ?? '');
  if (usual === 'windows-1250' && isIsoLatin2(sample)) return 'iso-8859-2';
  return usual !== undefined && isValid(sample, usual) ? usual : 'windows-1252';
}

/** Whether Polish letters stand where ISO 8859-2 has them and windows-1250 has symbols, and none where only the latter has any. */
function isIsoLatin2(sample: Buffer): boolean {
  const isSymbol = (byte: number) => [0xa1, 0xa6, 0xac, 0xb1, 0xb6].includes(byte);
  return sample.some(isSymbol) && !sample.some((byte) => byte >= 0x80 && byte <= 0x9f);
}

/** What hardly stands in text of windows-1252: control characters, letters of Icelandic and those that Slavic names have, symbols within words, and three accents on end. */
const UNLIKELY = /[\u0080-\u009fŸŠšŽžÞþÐð]|[\u00c0-\u00ff]{3}|\p{L}[^\p{ASCII}\p{L}\p{M}\s’‘–—·\u00ad]\p{L}/u;

/** A word by which a person can tell whether a guessed encoding is right; null where it is the usual one of the West and nothing speaks against it. */
export function doubtfulWord(text: string, encoding: string): string | null {
  const index = text.search(encoding === 'windows-1252' ? UNLIKELY : /\P{ASCII}/u);
  if (index < 0) return null;
  const before = /[^\s;,|"]*$/.exec(text.slice(Math.max(0, index - WORD_CHARACTERS_MAX), index))?.[0] ?? '';
  const after = /^[^\s;,|"]*/.exec(text.slice(index, index + WORD_CHARACTERS_MAX))?.[0] ?? '';
  return (before + after).replace(/[\u007f-\u009f]/g, '\ufffd');
}

/** The characters of such a word on either side of what makes it doubtful. */
const WORD_CHARACTERS_MAX = 30;

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
