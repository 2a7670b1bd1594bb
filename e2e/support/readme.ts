import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A fenced block of a README, with the heading that it stands below. */
export type FencedBlock = { heading: string; language: string; text: string };

/** The fenced blocks of a file of the repository, such as `README.md`, in their order: what it shows is run as it stands. */
export function fencedBlocks(path: string): FencedBlock[] {
  const text = readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
  const blocks: FencedBlock[] = [];
  let heading = '';
  let open: { language: string; lines: string[] } | null = null;
  for (const line of text.split('\n')) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence && open) {
      blocks.push({ heading, language: open.language, text: open.lines.join('\n') });
      open = null;
    } else if (fence) open = { language: fence[1] ?? '', lines: [] };
    else if (open) open.lines.push(line);
    else if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
  }
  return blocks;
}
