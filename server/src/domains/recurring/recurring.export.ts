import type { Exporter } from '../users/index.ts';
import { selectSkipped } from './recurring.dates.ts';

const PAGE_LIMIT = 200;

/** The dates that a person has skipped, which no template says. */
export const skippedDatesExporter: Exporter = {
  name: 'recurring_skips',
  async *pages(em, userId) {
    for (let after = { recurringId: '', date: '' }; ;) {
      const page = await selectSkipped(em, userId, { after, limit: PAGE_LIMIT });
      yield page;
      const last = page.at(-1);
      if (!last || page.length < PAGE_LIMIT) return;
      after = last;
    }
  },
};
