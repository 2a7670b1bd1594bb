import { existsSync } from 'node:fs';
import { isLoopbackHost, parseSettings, type Settings } from './settings.ts';

export { isLoopbackHost, type Settings };

/**
 * The settings of this process: the environment, completed from `.env` in the working folder. The only reader of `process.env`.
 *
 * @throws SettingsError
 */
export function loadSettings(): Settings {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return parseSettings(process.env);
}
