export { rateEntities } from './rates.entity.ts';
export { loadRateBook, loadRatePairs } from './rates.repository.ts';
export { ratesRouter } from './rates.router.ts';
export { RatesService } from './rates.service.ts';
export { convertTotals } from './rates.totals.ts';
