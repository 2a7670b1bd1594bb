import { Migration } from '@mikro-orm/migrations';

/** Transactions that are read at a time. */
const STEP = 500;

type Row = Record<string, string>;

/** The notes of splits are searched as well. SQLite's own lower() knows ASCII alone, so they are made searchable here. */
export class Migration20261126045020_split_notes extends Migration {
  override name = 'Migration20261126045020_split_notes';

  override async up(): Promise<void> {
    for (let afterId = '', isMore = true; isMore;) {
      const rows = (await this.execute(
        `select t.id, t.search_text, (select json_group_array(note) from
           (select note from entries e where e.transaction_id = t.id and note <> '' order by line)) as notes
         from transactions t where t.is_split = 1 and t.id > ? order by t.id limit ?`,
        [afterId, STEP],
      )) as Row[];
      for (const { id = '', search_text: known = '', notes = '[]' } of rows) {
        const text = [known, ...(JSON.parse(notes) as string[]).map((note) => note.normalize('NFKC').toLowerCase())];
        await this.execute('update transactions set search_text = ? where id = ?', [
          text.filter(Boolean).join('\n'),
          id,
        ]);
      }
      afterId = rows.at(-1)?.['id'] ?? '';
      isMore = rows.length === STEP;
    }
  }

  override down(): void | Promise<void> {
    this.addSql(`update \`transactions\` set \`search_text\` = substr(\`search_text\`, 1, 2500);`);
  }
}
