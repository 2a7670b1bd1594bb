export { startRecurring } from './recurring.cron.ts';
export { recurringEntities } from './recurring.entity.ts';
export { skippedDatesExporter } from './recurring.export.ts';
export { recurringReferences } from './recurring.references.ts';
export { recurringRouter } from './recurring.router.ts';
export { RecurringService } from './recurring.service.ts';
