import { formatMoney, MONEY_SCALE, parseMoney } from '@finverse/shared';
import { p, type Platform, Type } from '@mikro-orm/core';
import type { SqlValue } from './statement.ts';
import type { Dialect } from './orm.ts';

/** Units of 10^-8 in a whole one. */
const MONEY_UNITS = 10 ** MONEY_SCALE;

/** True where the platform is SQLite, which stores money as a scaled integer. */
function isSqlite(platform: Platform): boolean {
  return platform.constructor.name.includes('Sqlite');
}

/**
 * Exact money: a decimal string in code, DECIMAL(18,8) on MySQL, an INTEGER of 10^-8 units on SQLite, so that comparison, order and SUM are exact on
 * both. A raw SUM on SQLite answers units of 10^-8.
 */
export class MoneyType extends Type<string | null, string | bigint | null> {
  override convertToDatabaseValue(value: string | null, platform: Platform): string | bigint | null {
    if (value === null || value === undefined) return null;
    const units = parseMoney(value);
    return isSqlite(platform) ? units : formatMoney(units);
  }

  override convertToJSValue(value: unknown, platform: Platform): string | null {
    if (value === null || value === undefined) return null;
    if (isSqlite(platform)) return formatMoney(BigInt(value as number | bigint));
    return value as string;
  }

  override compareAsType(): string {
    return 'string';
  }

  override get runtimeType(): string {
    return 'string';
  }

  override getColumnType(_property: unknown, platform: Platform): string {
    return isSqlite(platform) ? 'integer' : 'decimal(18,8)';
  }
}

/** Money as {@link MoneyType} stores it. */
export const moneyColumn = () => p.type(MoneyType).$type<string>();

/** Units of 10^-8 as a statement's value for a money column. */
export function moneyToSql(dialect: Dialect, units: bigint): SqlValue {
  return dialect === 'sqlite' ? units : formatMoney(units);
}

/**
 * The placeholder of {@link moneyToSql} in a comparison with a money column. MySQL, by its documentation of type conversion, compares a decimal with a text as
 * doubles, which do not tell large amounts apart by their last digits; MariaDB compares them exactly.
 */
export function moneyPlaceholder(dialect: Dialect): string {
  return dialect === 'sqlite' ? '?' : 'cast(? as decimal(18,8))';
}

/** Units of 10^-8 out of a money column, or out of a SUM over one, which may be larger than any column. */
export function moneyFromSql(dialect: Dialect, value: unknown): bigint {
  if (value === null || value === undefined) return 0n;
  if (dialect === 'sqlite') {
    if (typeof value !== 'string') return BigInt(value as number | bigint);
    const [units = '0', rest = '0'] = value.split('.');
    return BigInt(units) * BigInt(MONEY_UNITS) + BigInt(rest);
  }
  const [whole = '0', fraction = ''] = (value as string).split('.');
  const magnitude = BigInt(whole.replace('-', '') + fraction.padEnd(MONEY_SCALE, '0'));
  return whole.startsWith('-') ? -magnitude : magnitude;
}

/**
 * The SQL of a sum over a money column, to be read with {@link moneyFromSql}. SQLite's own sum is refused as soon as it passes 64 bits on its way, which
 * ten large amounts do that others take away again; so it adds up whole units and their fractions apart.
 */
export function sumOfMoney(dialect: Dialect, expression: string): string {
  if (dialect === 'mysql') return `sum(${expression})`;
  return `(sum(${expression} / ${MONEY_UNITS}) || '.' || sum(${expression} % ${MONEY_UNITS}))`;
}

/** Text of up to 16 MB: MySQL's own TEXT ends at 65,535 bytes, which twenty thousand characters of some scripts are. SQLite's has no end. */
class LongTextType extends Type<string, string> {
  override compareAsType(): string {
    return 'string';
  }

  override get runtimeType(): string {
    return 'string';
  }

  override getColumnType(_property: unknown, platform: Platform): string {
    return isSqlite(platform) ? 'text' : 'mediumtext';
  }
}

/** Text that may be longer than 65,535 bytes. */
export const longTextColumn = () => p.type(LongTextType).$type<string>();

/** A calendar date as YYYY-MM-DD, which sorts by time. */
export const dateColumn = () => p.string().length(10);

/** A month as YYYY-MM. */
export const monthColumn = () => p.string().length(7);

/** A currency code of ISO 4217. */
export const currencyColumn = () => p.string().length(3);

/** A uint256 in base units, as decimal text: 78 digits, more than any DECIMAL of MySQL holds. Never summed in SQL. */
export const baseUnitsColumn = () => p.string().length(78);

/** An instant in milliseconds since the epoch. */
export const epochMsColumn = () => p.bigint('number');

/** A chain's time in seconds since the epoch. */
export const epochSecondsColumn = () => p.bigint('number');

/** A block number; int32 reaches 2.1 billion blocks. */
export const blockNumberColumn = () => p.integer();

/** A 32-byte hash as 0x and 64 lower-case hex digits. */
export const hashColumn = () => p.string().length(66);

/** An EVM address as 0x and 40 lower-case hex digits. */
export const addressColumn = () => p.string().length(42);

/** A TypeID: prefix, underscore, 26 characters. */
export const idColumn = () => p.string().length(32);
