import { keccak_256 } from '@noble/hashes/sha3';
import { bytesToHex } from '@noble/hashes/utils';
import { z } from 'zod';

/** Whether the letters are in one case, which says nothing, or in the case that EIP-55 gives them: a digit that is wrong shows in most of them. */
function hasChecksum(address: string): boolean {
  const digits = address.slice(2);
  const lower = digits.toLowerCase();
  if (digits === lower || digits === digits.toUpperCase()) return true;
  const hash = bytesToHex(keccak_256(lower));
  return (
    digits ===
    lower.replace(/[a-f]/g, (letter, at: number) =>
      Number.parseInt(hash.charAt(at), 16) > 7 ? letter.toUpperCase() : letter,
    )
  );
}

/** An EVM address: 0x and 40 hex digits in lower or upper case, or with the checksum of EIP-55; normalised to lower case. */
export const addressSchema = z
  .string()
  .max(42)
  .regex(/^0x[0-9a-fA-F]{40}$/, 'must be an address: 0x followed by 40 hexadecimal digits')
  .refine(hasChecksum, 'has a wrong checksum (EIP-55): a character differs; write it as it was given, or in lower case')
  .transform((value) => value.toLowerCase() as `0x${string}`)
  .meta({
    description: 'An EVM address, answered in lower case; in mixed case its checksum must be right (EIP-55)',
    examples: ['0x70997970c51812dc3a010c7d01b50e0d17dc79c8'],
  });

/** What an answer holds where the input took an address: lower case hex. */
export const addressOut = z.string().regex(/^0x[0-9a-f]{40}$/);

/** A 32-byte hash in lower-case hex. */
export const hashOut = z.string().regex(/^0x[0-9a-f]{64}$/);

/** An exact whole number of a token's base units, as text. */
export const baseUnitsOut = z
  .string()
  .regex(/^\d{1,78}$/)
  .meta({ description: 'Exact, in base units of the token' });

/** A decimal with eight digits after the point. */
export const amountOut = z
  .string()
  .regex(/^\d+\.\d{8}$/)
  .meta({ description: 'Decimal text with eight digits after the point, rounded half to even' });

/** An instant: ISO 8601, UTC, milliseconds. */
export const instantOut = z.iso.datetime({ precision: 3 });

/** An id in an input. One that names nothing is another matter: that is not found. */
export const idInput = z.string().max(64).regex(/^\w+$/, 'must be an id: letters, digits and underscores');

/** The most items that one page holds. */
export const PAGE_LIMIT_MAX = 200;

/** Input of every list: how many and from where. */
export const pageInput = z.strictObject({
  limit: z.number().int().min(1).max(PAGE_LIMIT_MAX).default(50),
  cursor: z.string().max(512).optional().meta({ description: 'The cursor that the page before answered' }),
});

/** Output of every list: the items and, where more follow, the cursor of the next page. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** Output of a list that is answered whole: a page like any other, with none behind it, so that one loop reads every list. */
export function wholeListOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.null() });
}

/** Input of a procedure that takes nothing: anything but an empty object is refused. */
export const emptyInput = z.strictObject({}).optional();
