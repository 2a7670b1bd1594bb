import { resolve } from 'node:path';

/** The path of a database that lives as long as its connection. */
export const IN_MEMORY = ':memory:';

/** The file of a `sqlite:` URL; `sqlite:///absolute` and `sqlite:relative` both work. */
export function sqlitePath(url: string): string {
  const file = url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
  return file === IN_MEMORY ? file : resolve(file);
}
