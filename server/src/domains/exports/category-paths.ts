import { ancestry, type CategoryTree } from '../categories/index.ts';

/** What stands behind the name of a category for both kinds where one for a single kind has the same name at the same place. No name can end so. */
const FOR_BOTH = String.raw`\(both)`;

/**
 * The path of every category: the names from the top down, joined by " / ". A slash within a name is written `\/`, and of two categories that have a name at one
 * place (one for both kinds, one for income or expense alone) the first is marked, so that no two paths that a transaction may have look the same.
 */
export function escapedPaths(tree: CategoryTree): Map<string, string> {
  const placeOf = ({ parentId, name }: { parentId: string | null; name: string }) => `${parentId ?? ''} ${name}`;
  const ofOneKind = new Set([...tree.values()].filter(({ kind }) => kind !== 'both').map(placeOf));
  const pathOf = (id: string) =>
    ancestry(tree, id)
      .map((category) => {
        const name = category.name.replace(/[\\/]/g, (mark) => `\\${mark}`);
        return category.kind === 'both' && ofOneKind.has(placeOf(category)) ? name + FOR_BOTH : name;
      })
      .join(' / ');
  return new Map([...tree.keys()].map((id) => [id, pathOf(id)]));
}

/** A path as it is where no category shares its place with another. */
export function withoutMarks(path: string): string {
  return path.replaceAll(FOR_BOTH, '');
}
