import type { ErrorDetail } from '@finverse/shared';
import { AppError } from '../kernel/errors.ts';
import { isWithinBounds, outOfBounds } from '../trpc/limits.ts';

/**
 * The one place where REST's snake_case meets the camelCase of everything else.
 *
 * Keys are translated wherever they stand, so a schema must not use data as keys (`z.record`): a test over the OpenAPI document refuses one.
 */
const SNAKE_KEY = /^[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*$/;
const DETAILS_MAX = 50;
const PATH_LENGTH_MAX = 200;
const OUTPUT_NAMES_MAX = 1000;

/** @example toSnakeCase('userAddress') // 'user_address' */
export function toSnakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** @example toCamelCase('user_address') // 'userAddress' */
export function toCamelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

/** A dotted path of a field, each step translated. */
export function snakeCasePath(path: string): string {
  return path.split('.').map(toSnakeCase).join('.');
}

/**
 * A JSON value that came over REST, with camelCase keys.
 *
 * @throws AppError VALIDATION_FAILED for keys that are not snake_case, each named, and for JSON that nests too deep or holds too many values.
 */
export function camelCaseInput(value: unknown): unknown {
  if (!isWithinBounds(value)) throw outOfBounds();
  const refused: ErrorDetail[] = [];
  const translated = translateKeys(value, (key, path) => {
    // No field's name is as long; translating one of megabytes takes seconds.
    const name = key.slice(0, PATH_LENGTH_MAX);
    if (name === key && SNAKE_KEY.test(key)) return toCamelCase(key);
    const meant = toSnakeCase(name);
    const hint = name === key && SNAKE_KEY.test(meant) ? `; REST calls it ${meant.slice(0, 100)}` : '';
    if (refused.length < DETAILS_MAX)
      refused.push({ path: [...path, name].join('.'), message: `unknown field${hint}` });
    return undefined;
  });
  // Shown as it was written: translating these names once more would name a field that nobody sent.
  if (refused.length > 0) throw new RestKeyError(refused);
  return translated;
}

/** The refusal of keys as the caller wrote them; its details, of which the first fifty are kept, are not translated any more. */
export class RestKeyError extends AppError {
  override name = 'RestKeyError';

  constructor(details: ErrorDetail[]) {
    super('VALIDATION_FAILED', 'The input was refused; see details.', {
      details: details
        .slice(0, DETAILS_MAX)
        .map(({ path, message }) => ({ path: path.slice(0, PATH_LENGTH_MAX), message })),
    });
  }
}

/** What stands under this key in an answer is the name of a field, as in the faults of an import: translated as if it were one. */
const FIELD_KEY = 'field';

/** A value that leaves over REST, with snake_case keys, and bigints as text. Dates stay what they are, for the serializer. */
export function snakeCaseOutput(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(snakeCaseOutput);
  if (!isPlainObject(value)) return value;
  const translated: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = value[key];
    translated[outputName(key)] =
      key === FIELD_KEY && typeof item === 'string' ? outputName(item) : snakeCaseOutput(item);
  }
  return translated;
}

/**
 * An answer of REST, translated as it is written. oRPC's serializer makes a copy of every object to find dates and files in it; what has a class of its own
 * it leaves to `JSON.stringify`. For a page of a list the copy took as long as the translation.
 */
export class RestAnswer {
  readonly #value: object;

  constructor(value: object) {
    this.#value = value;
  }

  toJSON(): unknown {
    return snakeCaseOutput(this.#value);
  }
}

const outputNames = new Map<string, string>();

/** The keys of answers are those of our schemas, so there are few; translating each anew takes longer than all else of an answer's way out. */
function outputName(key: string): string {
  const known = outputNames.get(key);
  if (known !== undefined) return known;
  const name = toSnakeCase(key);
  if (outputNames.size < OUTPUT_NAMES_MAX) outputNames.set(key, name);
  return name;
}

function translateKeys(
  value: unknown,
  translate: (key: string, path: readonly string[]) => string | undefined,
  path: readonly string[] = [],
): unknown {
  if (Array.isArray(value)) return value.map((item, index) => translateKeys(item, translate, [...path, String(index)]));
  if (!isPlainObject(value)) return value;
  const translated: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const name = translate(key, path);
    if (name !== undefined) translated[name] = translateKeys(item, translate, [...path, key]);
  }
  return translated;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of oRPC have a prototype of their own, directly above null like Object's.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

type Json = Record<string, unknown>;

/** Path templates, as they stand in a route: `/accounts/{accountId}` becomes `/accounts/{account_id}`. */
function snakeCaseTemplate(template: string): string {
  return template.replace(/\{([^}]+)\}/g, (_match, name: string) => `{${toSnakeCase(name)}}`);
}

/** The text of a description: names of fields stand in backticks, and so are told from other words. */
function snakeCaseText(text: unknown): unknown {
  return typeof text === 'string' ? text.replace(/`([a-z][a-zA-Z0-9]*)`/g, (quoted) => toSnakeCase(quoted)) : text;
}

/** The paths of an OpenAPI document, with every name that stands for a field in snake_case: templates, parameters, properties, required lists, examples, descriptions. */
export function snakeCasePaths(paths: Json): Json {
  return mapEntries(paths, ([template, item]) => [
    snakeCaseTemplate(template),
    mapEntries(item as Json, ([method, operation]) => [method, snakeCaseOperation(operation as Json)]),
  ]);
}

function snakeCaseOperation(operation: Json): Json {
  return mapEntries(operation, ([name, part]) => {
    if (name === 'parameters') return [name, (part as Json[]).map(snakeCaseParameter)];
    if (name === 'summary' || name === 'description') return [name, snakeCaseText(part)];
    if (name === 'requestBody') return [name, snakeCaseContent(part as Json)];
    if (name === 'responses')
      return [name, mapEntries(part as Json, ([status, response]) => [status, snakeCaseContent(response as Json)])];
    return [name, part];
  });
}

function snakeCaseParameter(parameter: Json): Json {
  const name = parameter['in'] === 'header' ? parameter['name'] : toSnakeCase(String(parameter['name']));
  const translated = { ...parameter, name, schema: snakeCaseSchema(parameter['schema']) };
  return 'description' in parameter
    ? { ...translated, description: snakeCaseText(parameter['description']) }
    : translated;
}

function snakeCaseContent(holder: Json): Json {
  if (!isPlainObject(holder['content'])) return holder;
  const content = mapEntries(holder['content'], ([type, media]) => [
    type,
    { ...(media as Json), schema: snakeCaseSchema((media as Json)['schema']) },
  ]);
  return { ...holder, content };
}

function snakeCaseSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(snakeCaseSchema);
  if (!isPlainObject(schema)) return schema;
  return mapEntries(schema, ([keyword, value]) => {
    switch (keyword) {
      case 'properties':
        return [
          keyword,
          mapEntries(value as Json, ([name, property]) => [toSnakeCase(name), snakeCaseSchema(property)]),
        ];
      case 'required':
        // A schema whose every required field stands in the path keeps the keyword, without a value.
        return [keyword, (value as string[] | undefined)?.map(toSnakeCase)];
      case 'default':
      case 'example':
      case 'examples':
        return [keyword, snakeCaseOutput(value)];
      case 'description':
        return [keyword, snakeCaseText(value)];
      case 'enum':
      case 'const':
        return [keyword, value];
      default:
        return [keyword, snakeCaseSchema(value)];
    }
  });
}

function mapEntries(record: Json, map: (entry: [string, unknown]) => [string, unknown]): Json {
  return Object.fromEntries(Object.entries(record).map(map));
}
