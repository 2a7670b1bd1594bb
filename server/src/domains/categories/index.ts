export { categoriesRouter } from './categories.router.ts';
export { treeOf, withDescendants } from './categories.rules.ts';
export { CategoriesService } from './categories.service.ts';
