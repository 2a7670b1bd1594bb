export { escapedPaths, withoutMarks } from './category-paths.ts';
export { EXCHANGE_FIELDS, isExchangeHeader, restoreCell } from './exchange-csv.ts';
export { exportsRouter } from './exports.router.ts';
export { ExportsService } from './exports.service.ts';
