import { ancestry, type CategoryTree } from '../categories/index.ts';

/** The names from the top down, joined by " / "; a slash within a name is written `\/`, so that no two paths look the same. */
export function escapedPath(tree: CategoryTree, id: string): string {
  return ancestry(tree, id)
    .map(({ name }) => name.replace(/[\\/]/g, (mark) => `\\${mark}`))
    .join(' / ');
}
