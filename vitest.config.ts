import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes, the longest first. */
const LONG = [
  'chain-faults',
  'ledger-load',
  'kill-nine',
  'reorg',
  'tampered-tables',
  'ledger-retries',
  'import-kill',
  'mariadb',
  'settings',
  'sdk-package',
];

/** Begins with the {@link LONG} files, so that none of them is left over at the end with nothing beside it. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const places = LONG.map((name) => `/e2e/${name}.test.ts`);
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = places.findIndex((end) => moduleId.endsWith(end));
      return place === -1 ? places.length : place;
    };
    // oxlint-disable-next-line no-array-sort -- not that of an array
    const usual = await super.sort(files);
    return usual.toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}

/** Unit tests sit beside what they test and take seconds; what crosses a process is under e2e/ and mostly waits: for blocks, kills and time-outs. */
export default defineConfig({
  test: {
    // How long something is waited for before the wait is given up: of no meaning to a test that passes.
    expect: { poll: { timeout: 20_000 } },
    sequence: { sequencer: LongestFirst },
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
          // More than two cores: these files wait for blocks and time-outs much of their time.
          maxWorkers: 3,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
