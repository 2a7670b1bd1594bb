/**
 * What to do about a refused eth_getLogs range. `blocks` is what the node would take, where it names a figure; `isLimit` where that holds for any range,
 * and not just for the one that it refused.
 */
export type RangeAdvice = { action: 'narrow'; blocks: number | null; isLimit: boolean } | { action: 'wait' };

const WAIT = [/extends beyond current head/i, /after last accepted block/i, /no backend is currently healthy/i];

/** Messages that name an inclusive range to use instead. */
const SUGGESTED_RANGE = [
  /(?:try with this block range|this block range should work:?)\s*\[\s*(0x[0-9a-f]+|\d+)\s*,\s*(0x[0-9a-f]+|\d+)\s*\]/i,
  /retry with the range\s+(\d+)\s*-\s*(\d+)/i,
];

/** Messages that name the most blocks of a range. */
const NAMED_LIMIT = [
  /exceeds the range allowed for your plan \(\d+ > (\d+)\)/i,
  /maximum is set to (\d+)/i,
  /max(?:imum)? (?:range|block range|(?:allowed )?number of requested blocks is|allowed is)[:\s]*(\d+)/i,
  /limited to (?:a )?(\d+)/i,
  /at most (\d+) blocks/i,
  /exceeds? max block range:? (\d+)/i,
  /block range greater than (\d+) max/i,
  /block range exceeds (\d+)/i,
  /range is too large, max is (\d+k?)/i,
  /smaller than size (\d+)/i,
  /too wide \(maximum (\d+)\)/i,
  /up to a (\d+) block range/i,
  /blocks distance: (\d+)/i,
  /ranges over (\d+) blocks are not supported/i,
];

const HALVE = [
  /range threshold exceeded/i,
  /exceeded max allowed/i,
  /block range (?:is )?too (?:large|wide)/i,
  /range limit exceeded/i,
  /response (?:is )?too (?:large|big)/i,
  /response size should not/i,
  /query exceeds max results/i,
  /exceeds limit of \d+/i,
  /returned more than \d+ results/i,
  /response body (?:is too large|exceeded|exceeds)/i,
  /query (?:timeout|timed out)/i,
  /execution (?:timeout|timed out)/i,
  /(?:reduc|narrow|decreas|limit)(?:e|ing) (?:the|your) block range/i,
];

/**
 * Reads from a node's refusal what range it would take. The wordings are those of the providers listed in the project's notes.
 *
 * @returns null when the message is about something else.
 */
export function adviseRange(wording: string): RangeAdvice | null {
  // Some write 10,000 for 10000.
  const message = wording.replaceAll(/(\d),(?=\d{3}\b)/g, '$1');
  if (WAIT.some((pattern) => pattern.test(message))) return { action: 'wait' };
  for (const pattern of SUGGESTED_RANGE) {
    const [, from, to] = pattern.exec(message) ?? [];
    if (from && to) return { action: 'narrow', blocks: Math.max(1, Number(to) - Number(from) + 1), isLimit: false };
  }
  for (const pattern of NAMED_LIMIT) {
    const limit = pattern.exec(message)?.[1];
    if (limit)
      return {
        action: 'narrow',
        blocks: Math.max(1, /k$/i.test(limit) ? Number(limit.slice(0, -1)) * 1000 : Number(limit)),
        isLimit: true,
      };
  }
  return HALVE.some((pattern) => pattern.test(message)) ? { action: 'narrow', blocks: null, isLimit: false } : null;
}
