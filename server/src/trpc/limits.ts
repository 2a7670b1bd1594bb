import { AppError } from '../kernel/errors.ts';

/** The usual limit of a request body. */
export const BODY_BYTES_MAX = 32 * 1024;

/**
 * The largest body of a procedure whose schema lets a larger input through than the usual one; read only for who is signed in. All preferences fit in it in any
 * script; a bulk of transactions whose every text is as long as it may be does not, and is sent in parts.
 */
export const MIDDLE_BODY_BYTES_MAX = 640 * 1024;

/** The largest body of a procedure that takes a file; read only for who is signed in. */
export const LARGE_BODY_BYTES_MAX = 16 * 1024 * 1024;

/** The most calls in one tRPC batch. */
export const BATCH_SIZE_MAX = 20;

/** How deep a JSON input may nest; deeper is refused before anything walks it recursively. */
export const JSON_DEPTH_MAX = 32;

/** The most values (objects, lists, texts, …) in one JSON input: a full bulk of transactions has 30,000. More are refused before a schema finds a fault in each. */
export const JSON_VALUES_MAX = 40_000;

/** The most superjson annotations (dates, bigints, undefined) in one input, and how long the path and the text of one may be. */
export const ANNOTATIONS_MAX = 100;
export const ANNOTATION_PATH_LENGTH_MAX = 200;
export const ANNOTATED_TEXT_LENGTH_MAX = 80;

/** Open live streams: per caller (multiplied by RATE_LIMIT_SCALE), and in the whole process. */
export const STREAMS_PER_CALLER_MAX = 20;
export const STREAMS_MAX = 2_000;

/**
 * Mutations of one caller that wait for their turn, which comes one after the other; a further one is refused. More than clients have under way at once
 * that mean well, and no more than the memory of so many inputs.
 */
export const UNITS_WAITING_MAX = 128;

/** A silent stream says something at least this often, so that proxies keep it open. */
export const STREAM_KEEP_ALIVE_MS = 15_000;

/**
 * Calls per minute and caller, by class: a signed-in person is one caller wherever they come from, all API tokens of a person are another one, anyone else is
 * their address. Every call inside a batch counts. `check` is what reads a whole ledger, `upload` what takes a file, `middleBody`
 * any body over the usual size.
 *
 * `login` counts by address alone, and everything that needs no session and tries or mails something shares it; `mailAccount` counts by the e-mail
 * address that would get a mail and the address that asks, `credential` what asks for a signed-in person's password or codes.
 */
export const CALLS_PER_MINUTE = {
  read: 6_000,
  write: 600,
  control: 300,
  stream: 300,
  check: 30,
  upload: 20,
  middleBody: 120,
  login: 10,
  mailAccount: 3,
  credential: 10,
} as const;

/**
 * Failed logins per hour: of one account from one address, and of one account from anywhere. The first is so much smaller that one address alone never
 * uses the second up, and so keeps nobody out of their account; the second bounds who guesses from many. `ownSecret` are wrong passwords and codes that one
 * session sends for its own person: whoever has it guesses no faster than at a login, and keeps no other session of the person from anything.
 */
const TRIES_PER_HOUR = { loginPair: 20, loginAccount: 100, ownSecret: 20 } as const;

export type RateClass = keyof typeof CALLS_PER_MINUTE | keyof typeof TRIES_PER_HOUR;

/** How many calls a class holds when it is full, and how long it takes to fill from empty. */
export function rateOf(rateClass: RateClass): { calls: number; windowMs: number } {
  if (rateClass in TRIES_PER_HOUR) {
    return { calls: TRIES_PER_HOUR[rateClass as keyof typeof TRIES_PER_HOUR], windowMs: 60 * 60 * 1000 };
  }
  return { calls: CALLS_PER_MINUTE[rateClass as keyof typeof CALLS_PER_MINUTE], windowMs: 60 * 1000 };
}

/**
 * True where `value` nests no deeper than {@link JSON_DEPTH_MAX} and holds no more than {@link JSON_VALUES_MAX} values. Looks at each once, and does not recurse,
 * so the input cannot exhaust the stack.
 */
export function isWithinBounds(value: unknown): boolean {
  let level: unknown[] = [value];
  let values = 1;
  for (let depth = 0; depth <= JSON_DEPTH_MAX; depth += 1) {
    const next: unknown[] = [];
    for (const node of level) {
      if (typeof node === 'object' && node !== null) for (const child of Object.values(node)) next.push(child);
    }
    if (next.length === 0) return true;
    values += next.length;
    if (values > JSON_VALUES_MAX) return false;
    level = next;
  }
  return false;
}

/** What stands around an input in a body: superjson's wrapper, and that of a batch. */
const WRAPPERS_MAX = 2;
/** Each value brings one comma at the most, and one bracket. */
const MARKS_PER_VALUE_MAX = 2;
const BACKSLASH = '\\'.charCodeAt(0);

/**
 * False where a JSON text nests deeper than any input that {@link isWithinBounds} lets through, or holds so many commas and brackets that it has more values.
 * For before it is parsed: a body of brackets alone keeps the parser busy for seconds, and becomes forty times its size.
 */
export function isTextWithinBounds(json: string): boolean {
  let depth = 0;
  let marks = 0;
  // The quickest way over megabytes without any.
  const mark = /[",[\]{}]/g;
  while (mark.test(json)) {
    const found = json.charAt(mark.lastIndex - 1);
    if (found === '"') mark.lastIndex = endOfString(json, mark.lastIndex) + 1;
    else if (found === ',') marks += 1;
    else if (found === ']' || found === '}') depth -= 1;
    else {
      marks += 1;
      depth += 1;
    }
    if (depth > JSON_DEPTH_MAX + 1 + WRAPPERS_MAX || marks > MARKS_PER_VALUE_MAX * JSON_VALUES_MAX) return false;
  }
  return true;
}

/** Where the quote stands that ends a string, whose first character is at `start`: one that an even number of backslashes precedes. A file may be one string of megabytes, so it is not walked. */
export function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start); end !== -1; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return json.length;
}

/** What an input beyond these bounds is told. */
export function outOfBounds(): AppError {
  const reason = 'nests too deep or holds too many values';
  return new AppError('VALIDATION_FAILED', `The input ${reason}.`, { details: [{ path: '', message: reason }] });
}
