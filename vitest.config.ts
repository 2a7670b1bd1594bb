import { defineConfig } from 'vitest/config';

/** Unit tests sit beside what they test and take seconds; what crosses a process is under e2e/ and mostly waits: for blocks, kills and time-outs. */
export default defineConfig({
  test: {
    // How long something is waited for before the wait is given up: of no meaning to a test that passes.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'shared/src/**/*.test.ts',
            'server/src/**/*.test.ts',
            'client-sdk/src/**/*.test.ts',
            'contracts/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
          pool: 'forks',
          maxWorkers: 2,
          // Files share a process and what it has loaded, its MariaDB server too; each test still has a database of its own.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
