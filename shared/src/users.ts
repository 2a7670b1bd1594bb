import { z } from 'zod';
import { addressOut, instantOut, wholeListOf } from './common.ts';
import { currencySchema } from './currency.ts';
import { textInput } from './ledger.ts';

/** Who a person is to the server; `admin` may control sync. */
export const roleSchema = z.enum(['user', 'admin']);

/** An e-mail address, in lower case. */
export const emailSchema = z.string().trim().toLowerCase().max(254).pipe(z.email('must be an e-mail address'));

const CONTROL_CHARACTERS = /\p{Cc}/u;

/** One line of text that a person reads. */
export const lineSchema = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .refine((text) => !CONTROL_CHARACTERS.test(text) && text.isWellFormed(), 'must be text without control characters');

/** With its slashes: without them, URL reads `https:photo` as an address, and a browser as one beside the page. */
const avatarUrlSchema = textInput(2_048).pipe(
  z
    .url({ protocol: /^https$/, error: 'must be an https URL' })
    .refine((url) => /^https:\/\//i.test(url), 'must be an https URL'),
);

/** The name of a time zone. */
export const timeZoneSchema = z
  .string()
  .max(64)
  .refine(isTimeZone, 'must be a time zone of the IANA database, such as Europe/Berlin')
  .meta({ examples: ['Europe/Berlin'] });

const LOCALE_LENGTH_MAX = 35;

/** The one right spelling of a tag may be longer than the tag. */
const localeSchema = z
  .string()
  .max(LOCALE_LENGTH_MAX)
  .refine(
    (text) => (canonicalLocale(text)?.length ?? Infinity) <= LOCALE_LENGTH_MAX,
    `must be a BCP 47 language tag, such as de-CH, of at most ${LOCALE_LENGTH_MAX} characters in its canonical form`,
  )
  .transform((text) => canonicalLocale(text) ?? text)
  .meta({ examples: ['de-CH'] });

/** What everyone knows of a person: `me`, `login` and the profile answer it. */
export const userOut = z.object({
  id: z.string(),
  email: z.string(),
  emailVerified: z.boolean().meta({ description: 'Whether a code that was mailed there came back' }),
  role: roleSchema,
  name: z.string().nullable(),
  avatarUrl: z.string().nullable(),
  baseCurrency: z
    .string()
    .meta({ description: 'ISO 4217; what amounts are converted to where no other currency is named' }),
  timeZone: z.string().meta({ description: 'IANA; months and budget periods are in it' }),
  locale: z.string().meta({ description: 'BCP 47' }),
  watchedAddresses: z.array(addressOut).meta({ description: 'Addresses whose positions this person follows' }),
  createdAt: instantOut,
  deletionAt: instantOut
    .nullable()
    .meta({ description: 'When the account will be deleted, where its deletion was asked for' }),
});
export type UserOut = z.infer<typeof userOut>;

/** What a person may change of their profile; what is left out stays, null empties. */
export const profileInput = z.strictObject({
  name: lineSchema.nullable().optional(),
  avatarUrl: avatarUrlSchema.nullable().optional(),
  baseCurrency: currencySchema.optional(),
  timeZone: timeZoneSchema.optional(),
  locale: localeSchema.optional(),
});
export type ProfileInput = z.output<typeof profileInput>;

/** The most preferences that one person has, and the most UTF-8 bytes of all their keys and values together. */
export const PREFERENCES_MAX = 200;
export const PREFERENCES_BYTES_MAX = 64 * 1024;

const preferenceKey = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, 'must be lower-case words joined by dots, dashes or underscores');

/** Preferences to set. A value of null removes one; those that are not named stay. */
export const preferencesInput = z.strictObject({
  items: z
    .array(z.strictObject({ key: preferenceKey, value: textInput(1_000).nullable() }))
    .max(PREFERENCES_MAX)
    .refine((items) => new Set(items.map(({ key }) => key)).size === items.length, 'must not name a key twice'),
});
export type PreferencesInput = z.output<typeof preferencesInput>;

/** All preferences of a person, in the order of their keys. */
export const preferencesOut = wholeListOf(z.object({ key: z.string(), value: z.string() }));
export type PreferencesOut = z.infer<typeof preferencesOut>;

/** Everything that a person owns. Each section is a list of one kind of thing, as its own procedures answer it. */
export const exportOut = z.object({
  exportedAt: instantOut,
  user: userOut,
  sections: z.array(z.object({ name: z.string(), items: z.array(z.unknown()) })),
});
export type ExportOut = z.infer<typeof exportOut>;

/** Names alone: an offset such as +01:00, which Intl takes as well, knows no summer. */
function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

function canonicalLocale(text: string): string | null {
  try {
    return Intl.getCanonicalLocales(text)[0] ?? null;
  } catch {
    return null;
  }
}
