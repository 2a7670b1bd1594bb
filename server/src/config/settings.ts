import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { addressSchema, vaultKinds } from '@finverse/shared';
import { z } from 'zod';
import { SettingsError } from '../kernel/errors.ts';

const positiveInteger = z.coerce.number('must be a whole number above 0').int().positive();
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
const address = addressSchema;

/** A comma-separated list of URLs with one of the schemes. */
const urlList = (...schemes: string[]) =>
  z
    .string()
    .transform((text) => text.split(',').map((url) => url.trim()))
    .refine((urls) => urls.every((url) => URL.canParse(url) && schemes.includes(new URL(url).protocol.slice(0, -1))), {
      error: `must be one or more ${schemes.join('/')} URLs, separated by commas`,
    });

const environmentSchema = z.object({
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: z.coerce.number('must be a whole number from 1 to 65535').int().min(1).max(65_535).default(8000),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .refine(
      isSafeInTheClear,
      'must be an https URL where its host is not this machine: passwords and cookies go over it',
    )
    .refine(
      isOrigin,
      'must be scheme, host and port alone, such as https://finverse.example: nothing is served below a path',
    )
    .transform((url) => new URL(url).origin)
    .optional(),
  TRUSTED_PROXIES: z
    .string()
    .transform((text) => text.split(',').map((proxy) => proxy.trim()))
    .refine((addresses) => addresses.every(isAddressOrSubnet), 'must be IP addresses or subnets, separated by commas')
    .optional(),
  FINVERSE_DATA_DIR: z.string().min(1).default('./data'),
  DATABASE_URL: z
    .string()
    .regex(/^(mysql:\/\/|mariadb:\/\/|sqlite:).+/, 'must begin with mysql://, mariadb:// or sqlite:')
    .optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// URL' }).optional(),
  WEB3_RPC_URL: urlList('http', 'https').optional(),
  WEB3_WS_URL: urlList('ws', 'wss').optional(),
  CHAIN_ID: positiveInteger.optional(),
  TOKEN_ADDRESS: address.optional(),
  STAKE_VAULT_ADDRESS: address.optional(),
  STAKE_VAULT_KIND: z.enum(vaultKinds, `must be one of ${vaultKinds.join(', ')}`).optional(),
  STAKE_VAULT_START_BLOCK: z.coerce.number().int().nonnegative().optional(),
  VAULTS_FILE: z.string().min(1).optional(),
  SYNC_INTERVAL_SECONDS: z.coerce.number().int().min(1).max(86_400).optional(),
  SYNC_AUTOSTART: flag.optional(),
  OPERATOR_EMAIL: z
    .email('must be an e-mail address')
    .transform((email) => email.toLowerCase())
    .optional(),
  OPERATOR_PASSWORD: z.string().min(12, 'must have at least 12 characters').max(256).optional(),
  REGISTRATION: z.enum(['open', 'verify', 'closed'], 'must be open, verify or closed').optional(),
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'must be smtp://user:password@host:587 or smtps://…' }).optional(),
  MAIL_FROM: z
    .string()
    .max(254)
    .regex(/^(?:[^<>\r\n]+ )?<?[^<>@\s]+@[^<>@\s]+>?$/, 'must be an e-mail address, or a name and <address>')
    .optional(),
  RATE_LIMIT_SCALE: z.coerce.number().positive().default(1),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

const vaultsFileSchema = z
  .array(
    z.strictObject({
      kind: z.enum(vaultKinds, `must be one of ${vaultKinds.join(', ')}`),
      address,
      token_address: address.optional(),
      start_block: z.number().int().nonnegative().default(0),
    }),
  )
  .min(1)
  .refine(
    (vaults) => new Set(vaults.map((vault) => vault.address)).size === vaults.length,
    'must not name an address twice',
  );

type VaultSetting = { kind: string; address: `0x${string}`; tokenAddress: `0x${string}` | null; startBlock: number };

export type Settings = {
  host: string;
  port: number;
  /** Scheme, host and port. */
  publicUrl: string | null;
  /** Addresses and subnets; null: the proxy next to the server, where it is on a private address. */
  trustedProxies: string[] | null;
  dataDir: string;
  /** Neither database nor chain is configured: everything runs in the data folder, sync control is open on loopback. */
  isEmbedded: boolean;
  databaseUrl: string;
  /** For what replicas will share; nothing uses it yet. */
  redisUrl: string | null;
  /** Null: the embedded chain. */
  chain: { rpcUrls: string[]; wsUrls: string[]; chainId: number | null; vaults: VaultSetting[] } | null;
  /** Null where nothing is set. */
  syncIntervalSeconds: number | null;
  syncAutostart: boolean;
  operator: { email: string; password: string } | null;
  registration: 'open' | 'verify' | 'closed';
  /** How mails leave; a null URL: they are written into the data folder. */
  mail: { smtpUrl: string | null; from: string };
  rateLimitScale: number;
  logLevel: string;
};

/**
 * Reads the settings from an environment. Every bad variable is named in one readable error; empty ones count as not set.
 *
 * @throws SettingsError
 */
export function parseSettings(environment: Record<string, string | undefined>): Settings {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    throw new SettingsError(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  }
  const values = parsed.data;
  const dataDir = resolve(values.FINVERSE_DATA_DIR);
  const isEmbedded = values.DATABASE_URL === undefined && values.WEB3_RPC_URL === undefined;
  if ((values.OPERATOR_EMAIL === undefined) !== (values.OPERATOR_PASSWORD === undefined)) {
    throw new SettingsError('OPERATOR_EMAIL and OPERATOR_PASSWORD: set both or neither');
  }
  if (isEmbedded && !isLoopbackHost(values.HOST)) {
    throw new SettingsError(
      'HOST: without DATABASE_URL or WEB3_RPC_URL the server listens on 127.0.0.1 only, since sync control is open there',
    );
  }
  return {
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL ?? null,
    trustedProxies: values.TRUSTED_PROXIES ?? null,
    dataDir,
    isEmbedded,
    databaseUrl: values.DATABASE_URL ?? `sqlite:${dataDir}/finverse.sqlite`,
    redisUrl: values.REDIS_URL ?? null,
    chain: chainSettings(values),
    syncIntervalSeconds: values.SYNC_INTERVAL_SECONDS ?? null,
    syncAutostart: values.SYNC_AUTOSTART ?? isEmbedded,
    operator:
      values.OPERATOR_EMAIL !== undefined && values.OPERATOR_PASSWORD !== undefined
        ? { email: values.OPERATOR_EMAIL, password: values.OPERATOR_PASSWORD }
        : null,
    // With neither a database nor mail there is nobody but the person at this machine to tell addresses from.
    registration: values.REGISTRATION ?? (isEmbedded && values.SMTP_URL === undefined ? 'open' : 'verify'),
    mail: {
      smtpUrl: values.SMTP_URL ?? null,
      from:
        values.MAIL_FROM ??
        `FinVerse <no-reply@${values.PUBLIC_URL ? new URL(values.PUBLIC_URL).hostname : 'localhost'}>`,
    },
    rateLimitScale: values.RATE_LIMIT_SCALE,
    logLevel: values.LOG_LEVEL,
  };
}

/** True where what listens there is reached from this machine alone. */
export function isLoopbackHost(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost' || host === '::1';
}

/** True for a URL without path, query, fragment and user: links in mails, and the pages that they lead to, stand at the root. */
function isOrigin(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { origin, href } = new URL(url);
  return href === `${origin}/`;
}

/** A session cookie is bound to https where the URL is; without it anyone on the way could read it. */
function isSafeInTheClear(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { protocol, hostname } = new URL(url);
  return protocol !== 'http:' || isLoopbackHost(hostname.replace(/^\[|\]$/g, ''));
}

/** @example isAddressOrSubnet('10.0.0.0/8') // true */
function isAddressOrSubnet(text: string): boolean {
  const [network = '', bits, ...more] = text.split('/');
  const family = isIP(network);
  // A subnet of all addresses would let anybody name any address as their own.
  const isSubnet = bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
  return family !== 0 && isSubnet && more.length === 0;
}

function chainSettings(values: z.output<typeof environmentSchema>): Settings['chain'] {
  const { WEB3_RPC_URL: rpcUrls } = values;
  if (!rpcUrls) {
    const orphans = (
      [
        'WEB3_WS_URL',
        'CHAIN_ID',
        'TOKEN_ADDRESS',
        'STAKE_VAULT_ADDRESS',
        'STAKE_VAULT_KIND',
        'STAKE_VAULT_START_BLOCK',
        'VAULTS_FILE',
      ] as const
    ).filter((name) => values[name] !== undefined);
    if (orphans.length > 0)
      throw new SettingsError(
        `WEB3_RPC_URL: must be set where ${orphans.join(', ')} ${orphans.length === 1 ? 'is' : 'are'}`,
      );
    return null;
  }
  return { rpcUrls, wsUrls: values.WEB3_WS_URL ?? [], chainId: values.CHAIN_ID ?? null, vaults: vaultSettings(values) };
}

function vaultSettings(values: z.output<typeof environmentSchema>): VaultSetting[] {
  if (values.VAULTS_FILE !== undefined) {
    if (values.STAKE_VAULT_ADDRESS !== undefined)
      throw new SettingsError('STAKE_VAULT_ADDRESS and VAULTS_FILE: set one of them');
    return readVaultsFile(values.VAULTS_FILE);
  }
  if (values.STAKE_VAULT_ADDRESS === undefined) {
    throw new SettingsError('STAKE_VAULT_ADDRESS: must be set (or VAULTS_FILE) where WEB3_RPC_URL is');
  }
  return [
    {
      kind: values.STAKE_VAULT_KIND ?? 'stake-vault',
      address: values.STAKE_VAULT_ADDRESS,
      tokenAddress: values.TOKEN_ADDRESS ?? null,
      startBlock: values.STAKE_VAULT_START_BLOCK ?? 0,
    },
  ];
}

function readVaultsFile(file: string): VaultSetting[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new SettingsError(`VAULTS_FILE: cannot read ${file} as JSON`, { cause: error });
  }
  const parsed = vaultsFileSchema.safeParse(content);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      ({ path, message }) => `${path.length > 0 ? path.join('.') : 'the list'} ${message}`,
    );
    throw new SettingsError(`VAULTS_FILE: ${faults.join('; ')}`);
  }
  return parsed.data.map((vault) => ({
    kind: vault.kind,
    address: vault.address,
    tokenAddress: vault.token_address ?? null,
    startBlock: vault.start_block,
  }));
}
