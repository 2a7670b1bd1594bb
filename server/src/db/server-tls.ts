import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { describeError, SettingsError } from '../kernel/errors.ts';

/** What the driver takes as `ssl`. */
export type ServerTls = { rejectUnauthorized: boolean; verifyIdentity: boolean; ca?: string };

/** What is asked of the server's certificate: nothing, a CA that is trusted, or that and the name of its host. */
type TlsMode = 'disabled' | 'required' | 'verify_ca' | 'verify_identity';

/** The words of `ssl-mode` (MySQL) and `sslmode` (as most others have it). None of them falls back to a connection in clear. */
const MODES = new Map<string, TlsMode>([
  ['disabled', 'disabled'],
  ['disable', 'disabled'],
  ['required', 'required'],
  ['require', 'required'],
  ['verify_ca', 'verify_ca'],
  ['verify_identity', 'verify_identity'],
  ['verify_full', 'verify_identity'],
]);

/** The names of each parameter. */
const PARAMETERS = new Map([
  ['ssl', 'ssl'],
  ['ssl-mode', 'mode'],
  ['sslmode', 'mode'],
  ['ssl-ca', 'ca'],
  ['sslca', 'ca'],
] as const);

/** What other clients let one choose and is so in any case here: text is UTF-8, every session in UTC. */
const FIXED = new Map([
  ['charset', ['utf8mb4']],
  ['timezone', ['Z', 'UTC', '+00:00']],
]);

/**
 * How a connection to the server of the URL is encrypted; null: it is not. `ssl-mode` says it, or `ssl` with what mysql2 takes (`true`, `false`, or JSON with
 * `rejectUnauthorized` and `verifyIdentity`), and `ssl-ca` names a PEM file of the CAs to trust instead of those that Node knows. A CA is always verified
 * where one is named; where nothing else is said, so is the name of the host.
 *
 * `charset=utf8mb4` and `timezone=Z`, which change nothing, may stand beside these.
 *
 * @throws SettingsError for any other parameter, which would be dropped without a word, and for a value that says nothing
 */
export function serverTls(url: URL): ServerTls | null {
  const given = readParameters(url.searchParams);
  const file = given.get('ca');
  const mode = modeOf(given);
  if (mode === 'disabled') {
    if (file !== undefined) throw new SettingsError('DATABASE_URL: ssl-ca says nothing where TLS is disabled');
    return null;
  }
  // The driver would compare the certificate of an address with the name "localhost".
  if (mode === 'verify_identity' && isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0) {
    throw new SettingsError(
      'DATABASE_URL: the identity of a server is verified by its host name; name the host, or write ssl-mode=VERIFY_CA',
    );
  }
  return {
    rejectUnauthorized: mode !== 'required' || file !== undefined,
    verifyIdentity: mode === 'verify_identity',
    ...(file === undefined ? {} : { ca: readAuthorities(file) }),
  };
}

function readParameters(parameters: URLSearchParams): Map<'ssl' | 'mode' | 'ca', string> {
  const given = new Map<'ssl' | 'mode' | 'ca', string>();
  for (const [name, value] of parameters) {
    if (isFixed(name, value)) continue;
    const known = (PARAMETERS as ReadonlyMap<string, 'ssl' | 'mode' | 'ca'>).get(name.toLowerCase());
    if (known === undefined)
      throw new SettingsError(
        `DATABASE_URL: unknown parameter ${JSON.stringify(name)}; there are ssl-mode, ssl-ca, ssl, charset and timezone`,
      );
    if (given.has(known)) throw new SettingsError(`DATABASE_URL: ${name} is said twice`);
    given.set(known, value);
  }
  return given;
}

/** True where the parameter says what is so in any case. @throws SettingsError where it says something else of it */
function isFixed(name: string, value: string): boolean {
  const values = FIXED.get(name.toLowerCase());
  if (values === undefined) return false;
  // In a query a plus sign means a space.
  const said = value.replace(' ', '+').toLowerCase();
  if (values.some((fixed) => fixed.toLowerCase() === said)) return true;
  throw new SettingsError(`DATABASE_URL: ${name} can only be ${values.join(' or ')}, which it is without being said`);
}

function modeOf(given: ReadonlyMap<'ssl' | 'mode' | 'ca', string>): TlsMode {
  const [ssl, word] = [given.get('ssl'), given.get('mode')];
  if (ssl !== undefined && word !== undefined)
    throw new SettingsError('DATABASE_URL: ssl and ssl-mode say the same; write one of them');
  if (ssl === 'false') return 'disabled';
  if (ssl !== undefined) return modeOfSsl(ssl);
  if (word === undefined) return given.has('ca') ? 'verify_identity' : 'disabled';
  const mode = MODES.get(word.toLowerCase().replace('-', '_'));
  if (mode === undefined)
    throw new SettingsError('DATABASE_URL: ssl-mode must be DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY');
  return mode;
}

function modeOfSsl(text: string): TlsMode {
  const { rejectUnauthorized = true, verifyIdentity = false, ...others } = parseSsl(text);
  const isUnderstood = typeof rejectUnauthorized === 'boolean' && typeof verifyIdentity === 'boolean';
  const isPossible = rejectUnauthorized === true || verifyIdentity === false;
  if (!isUnderstood || !isPossible || Object.keys(others).length > 0) {
    throw new SettingsError(
      'DATABASE_URL: ssl must be true or false, or JSON with rejectUnauthorized, and verifyIdentity beside it, as true or false',
    );
  }
  if (!rejectUnauthorized) return 'required';
  return verifyIdentity ? 'verify_identity' : 'verify_ca';
}

function parseSsl(text: string): Record<string, unknown> {
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // Refused as what it is: no JSON.
  }
  if (value === true) return { rejectUnauthorized: true, verifyIdentity: true };
  return typeof value === 'object' && value !== null ? { ...value } : { ssl: value };
}

function readAuthorities(file: string): string {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingsError(`DATABASE_URL: ssl-ca cannot be read: ${describeError(error)}`, { cause: error });
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new SettingsError(`DATABASE_URL: ssl-ca: ${file} has no certificate in PEM`);
  return text;
}
