import { type CategoryKind, categoryKind } from '@finverse/shared';
import { ancestry, type CategoryTree } from '../categories/index.ts';

/** What stands behind the name of a category where one of another kind has the same name at the same place. No name can end so. */
const markOf = (kind: CategoryKind) => String.raw`\(${kind})`;
const MARKS = new RegExp(String.raw`\\\((?:${categoryKind.options.join('|')})\)`, 'g');

/**
 * The path of every category: the names from the top down, joined by " / ". A slash within a name is written `\/`, and of categories of several kinds that have
 * a name at one place each is marked with its kind, so that no two paths look the same.
 */
export function escapedPaths(tree: CategoryTree): Map<string, string> {
  const placeOf = ({ parentId, name }: { parentId: string | null; name: string }) => `${parentId ?? ''} ${name}`;
  const kindsAt = new Map<string, Set<CategoryKind>>();
  for (const category of tree.values()) {
    const place = placeOf(category);
    kindsAt.set(place, (kindsAt.get(place) ?? new Set()).add(category.kind));
  }
  const pathOf = (id: string) =>
    ancestry(tree, id)
      .map((category) => {
        const name = category.name.replace(/[\\/]/g, (mark) => `\\${mark}`);
        return (kindsAt.get(placeOf(category))?.size ?? 0) > 1 ? name + markOf(category.kind) : name;
      })
      .join(' / ');
  return new Map([...tree.keys()].map((id) => [id, pathOf(id)]));
}

/** A path as it is where no category shares its place with another. */
export function withoutMarks(path: string): string {
  return path.replaceAll(MARKS, '');
}
