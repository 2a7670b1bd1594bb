import { Migration } from '@mikro-orm/migrations';

export class Migration20261122222122_initial extends Migration {
  override name = 'Migration20261122222122_initial';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`chain_blocks\` (\`vault_id\` text not null, \`number\` integer not null, \`hash\` text not null, \`parent_hash\` text not null, primary key (\`vault_id\`, \`number\`));`,
    );

    this.addSql(
      `create table \`outbox\` (\`seq\` integer not null primary key autoincrement, \`owner_address\` text null, \`payload\` text not null, \`created_at\` bigint not null);`,
    );
    this.addSql(`create index \`outbox_created_at_index\` on \`outbox\` (\`created_at\`);`);

    this.addSql(
      `create table \`stakes\` (\`id\` text not null primary key, \`vault_id\` text not null, \`ref\` text not null, \`owner_address\` text not null, \`position_key\` text not null, \`amount_raw\` text not null, \`claimed_reward_raw\` text not null, \`reward_claimed\` integer not null, \`staked_at\` bigint not null, \`closed_at\` bigint null, \`tx_hash\` text null, \`last_block\` integer not null, \`last_log_index\` integer not null, \`first_block\` integer not null);`,
    );
    this.addSql(
      `create index \`stakes_owner_address_vault_id_id_index\` on \`stakes\` (\`owner_address\`, \`vault_id\`, \`id\`);`,
    );
    this.addSql(`create unique index \`stakes_ref_vault_id_unique\` on \`stakes\` (\`ref\`, \`vault_id\`);`);

    this.addSql(
      `create table \`staking_conflicts\` (\`id\` text not null primary key, \`vault_id\` text not null, \`owner_address\` text not null, \`position_key\` text not null, \`reason\` text not null, \`state_before\` text not null, \`state_after\` text not null, \`block_number\` integer not null, \`block_hash\` text not null, \`created_at\` bigint not null);`,
    );

    this.addSql(
      `create table \`staking_logs\` (\`id\` text not null primary key, \`vault_id\` text not null, \`chain_id\` integer not null, \`ref\` text not null, \`owner_address\` text not null, \`position_key\` text not null, \`event\` text not null, \`effect\` text not null, \`amount_raw\` text null, \`reward_raw\` text null, \`staked_at\` bigint null, \`reward_claimed\` integer null, \`block_number\` integer not null, \`block_hash\` text not null, \`block_time\` bigint not null, \`log_index\` integer not null, \`tx_hash\` text null, \`status\` text not null);`,
    );
    this.addSql(`create index \`staking_logs_ref_index\` on \`staking_logs\` (\`ref\`);`);
    this.addSql(
      `create index \`staking_logs_block_number_log_index_id_index\` on \`staking_logs\` (\`block_number\`, \`log_index\`, \`id\`);`,
    );
    this.addSql(
      `create unique index \`staking_logs_chain_id_block_hash_log_index_unique\` on \`staking_logs\` (\`chain_id\`, \`block_hash\`, \`log_index\`);`,
    );

    this.addSql(
      `create table \`sync_leases\` (\`name\` text not null primary key, \`holder\` text not null, \`fencing_token\` integer not null, \`expires_at\` bigint not null);`,
    );

    this.addSql(`create table \`sync_runs\` (\`id\` text not null primary key, \`cycle\` text not null);`);

    this.addSql(
      `create table \`sync_state\` (\`id\` integer not null primary key, \`desired_state\` text not null, \`interval_seconds\` integer not null, \`cycles_total\` bigint not null, \`cycles_succeeded\` bigint not null, \`cycles_failed\` bigint not null, \`errors\` bigint not null, \`last_sync_at\` bigint null, \`updated_at\` bigint not null);`,
    );

    this.addSql(
      `create table \`users\` (\`id\` text not null primary key, \`email\` text not null, \`password_hash\` text not null, \`role\` text not null, \`created_at\` bigint not null);`,
    );
    this.addSql(`create unique index \`users_email_unique\` on \`users\` (\`email\`);`);

    this.addSql(
      `create table \`sessions\` (\`id\` text not null primary key, \`user_id\` text not null, \`expires_at\` bigint not null, \`created_at\` bigint not null, constraint \`sessions_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`sessions_user_id_index\` on \`sessions\` (\`user_id\`);`);
    this.addSql(`create index \`sessions_expires_at_index\` on \`sessions\` (\`expires_at\`);`);

    this.addSql(
      `create table \`vaults\` (\`id\` text not null primary key, \`kind\` text not null, \`chain_id\` integer not null, \`address\` text not null, \`token_address\` text not null, \`decimals\` integer not null, \`lock_seconds\` integer not null, \`apy_percent\` integer not null, \`start_block\` integer not null, \`cursor_block\` integer null, \`cursor_hash\` text null, \`cursor_time\` bigint null, \`head_block\` integer null, \`finalized_block\` integer null, \`verified_block\` integer null, \`staked_total_raw\` text not null, \`positions\` integer not null, \`facts_applied\` bigint not null, \`creates\` bigint not null, \`updates\` bigint not null, \`deletes\` bigint not null, \`conflicts\` bigint not null, \`reorgs\` bigint not null, \`created_at\` bigint not null);`,
    );
    this.addSql(`create unique index \`vaults_chain_id_address_unique\` on \`vaults\` (\`chain_id\`, \`address\`);`);

    this.addSql(
      `create table \`watched_addresses\` (\`id\` text not null primary key, \`user_id\` text not null, \`address\` text not null, \`created_at\` bigint not null, constraint \`watched_addresses_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`watched_addresses_user_id_index\` on \`watched_addresses\` (\`user_id\`);`);
    this.addSql(
      `create unique index \`watched_addresses_user_id_address_unique\` on \`watched_addresses\` (\`user_id\`, \`address\`);`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`chain_blocks\`;`);
    this.addSql(`drop table if exists \`outbox\`;`);
    this.addSql(`drop table if exists \`stakes\`;`);
    this.addSql(`drop table if exists \`staking_conflicts\`;`);
    this.addSql(`drop table if exists \`staking_logs\`;`);
    this.addSql(`drop table if exists \`sync_leases\`;`);
    this.addSql(`drop table if exists \`sync_runs\`;`);
    this.addSql(`drop table if exists \`sync_state\`;`);
    this.addSql(`drop table if exists \`users\`;`);
    this.addSql(`drop table if exists \`sessions\`;`);
    this.addSql(`drop table if exists \`vaults\`;`);
    this.addSql(`drop table if exists \`watched_addresses\`;`);
  }
}
