export { categoriesRouter } from './categories.router.ts';
export { ancestry, type CategoryTree, treeOf, withDescendants } from './categories.rules.ts';
export { CategoriesService } from './categories.service.ts';
