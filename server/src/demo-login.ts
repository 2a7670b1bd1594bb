import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomHex } from './kernel/random.ts';

/** Reserved: outside embedded mode nobody signs in as this person. */
export const DEMO_EMAIL = 'demo@finverse.local';

export type Login = { email: string; password: string };

/** The demo person of a data folder. The password is made once and kept beside the data, so that no installation has a well-known one. */
export function demoLogin(dataDir: string): Login {
  const file = join(dataDir, 'demo-password');
  const kept = readPassword(file);
  if (kept !== '') return { email: DEMO_EMAIL, password: kept };
  const password = `demo-${randomHex(6)}`;
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return { email: DEMO_EMAIL, password };
}

/** Empty where there is none, or a start was cut off while it wrote. */
function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
