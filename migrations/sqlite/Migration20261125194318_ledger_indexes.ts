import { Migration } from '@mikro-orm/migrations';

export class Migration20261125194318_ledger_indexes extends Migration {
  override name = 'Migration20261125194318_ledger_indexes';

  override up(): void | Promise<void> {
    this.addSql(`drop index \`transactions_user_id_index\`;`);

    this.addSql(`drop index \`transaction_tags_transaction_id_index\`;`);
    this.addSql(`drop index \`transaction_tags_user_id_index\`;`);

    this.addSql(`drop index \`ledger_tombstones_user_id_index\`;`);

    this.addSql(`drop index \`entries_transaction_id_index\`;`);
    this.addSql(`drop index \`entries_user_id_index\`;`);

    this.addSql(`drop index \`categories_user_id_index\`;`);

    this.addSql(`drop index \`account_months_user_id_index\`;`);

    this.addSql(`drop index \`accounts_user_id_index\`;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`create index \`account_months_user_id_index\` on \`account_months\` (\`user_id\`);`);

    this.addSql(`create index \`accounts_user_id_index\` on \`accounts\` (\`user_id\`);`);

    this.addSql(`create index \`categories_user_id_index\` on \`categories\` (\`user_id\`);`);

    this.addSql(`create index \`entries_transaction_id_index\` on \`entries\` (\`transaction_id\`);`);
    this.addSql(`create index \`entries_user_id_index\` on \`entries\` (\`user_id\`);`);

    this.addSql(`create index \`ledger_tombstones_user_id_index\` on \`ledger_tombstones\` (\`user_id\`);`);

    this.addSql(`create index \`transaction_tags_transaction_id_index\` on \`transaction_tags\` (\`transaction_id\`);`);
    this.addSql(`create index \`transaction_tags_user_id_index\` on \`transaction_tags\` (\`user_id\`);`);

    this.addSql(`create index \`transactions_user_id_index\` on \`transactions\` (\`user_id\`);`);
  }
}
