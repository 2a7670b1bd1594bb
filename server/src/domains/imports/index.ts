export { countImports, importedIds } from './imports.repository.ts';
export { importEntities } from './imports.entity.ts';
export { importsRouter } from './imports.router.ts';
export { ImportsService } from './imports.service.ts';
