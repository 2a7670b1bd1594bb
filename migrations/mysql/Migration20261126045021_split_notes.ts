import { Migration } from '@mikro-orm/migrations';

/** The notes of splits are searched as well. What MySQL cannot compose is found by them as it was written, until the transaction is edited. */
export class Migration20261126045021_split_notes extends Migration {
  override name = 'Migration20261126045021_split_notes';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`transactions\` modify \`search_text\` mediumtext not null;`);

    // MySQL's own bound of 1,024 bytes would cut the notes off.
    this.addSql(
      `update /*+ SET_VAR(group_concat_max_len = 1000000) */ \`transactions\` t
       join (select \`transaction_id\`, group_concat(\`note\` order by \`line\` separator '\\n') as notes
         from \`entries\` where \`note\` <> '' group by \`transaction_id\`) parts on parts.\`transaction_id\` = t.\`id\`
       set t.\`search_text\` = concat_ws('\\n', nullif(t.\`search_text\`, ''), lower(parts.notes))
       where t.\`is_split\` = 1;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`update \`transactions\` set \`search_text\` = left(\`search_text\`, 2500);`);

    this.addSql(`alter table \`transactions\` modify \`search_text\` varchar(2500) not null;`);
  }
}
