import { Migration } from '@mikro-orm/migrations';

export class Migration20261125194319_ledger_indexes extends Migration {
  override name = 'Migration20261125194319_ledger_indexes';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`transactions\` drop index \`transactions_user_id_index\`;`);

    this.addSql(`alter table \`transaction_tags\` drop index \`transaction_tags_transaction_id_index\`;`);
    this.addSql(`alter table \`transaction_tags\` drop index \`transaction_tags_user_id_index\`;`);

    this.addSql(`alter table \`ledger_tombstones\` drop index \`ledger_tombstones_user_id_index\`;`);

    this.addSql(`alter table \`entries\` drop index \`entries_transaction_id_index\`;`);
    this.addSql(`alter table \`entries\` drop index \`entries_user_id_index\`;`);

    this.addSql(`alter table \`categories\` drop index \`categories_user_id_index\`;`);

    this.addSql(`alter table \`account_months\` drop index \`account_months_user_id_index\`;`);

    this.addSql(`alter table \`accounts\` drop index \`accounts_user_id_index\`;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`account_months\` add index \`account_months_user_id_index\` (\`user_id\`);`);

    this.addSql(`alter table \`accounts\` add index \`accounts_user_id_index\` (\`user_id\`);`);

    this.addSql(`alter table \`categories\` add index \`categories_user_id_index\` (\`user_id\`);`);

    this.addSql(`alter table \`entries\` add index \`entries_transaction_id_index\` (\`transaction_id\`);`);
    this.addSql(`alter table \`entries\` add index \`entries_user_id_index\` (\`user_id\`);`);

    this.addSql(`alter table \`ledger_tombstones\` add index \`ledger_tombstones_user_id_index\` (\`user_id\`);`);

    this.addSql(
      `alter table \`transaction_tags\` add index \`transaction_tags_transaction_id_index\` (\`transaction_id\`);`,
    );
    this.addSql(`alter table \`transaction_tags\` add index \`transaction_tags_user_id_index\` (\`user_id\`);`);

    this.addSql(`alter table \`transactions\` add index \`transactions_user_id_index\` (\`user_id\`);`);
  }
}
