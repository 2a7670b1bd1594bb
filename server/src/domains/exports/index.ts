export { escapedPath } from './category-paths.ts';
export { EXCHANGE_FIELDS, isExchangeHeader, restoreCell } from './exchange-csv.ts';
