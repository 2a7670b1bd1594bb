import { Migration } from '@mikro-orm/migrations';

export class Migration20261122222122_initial extends Migration {
  override name = 'Migration20261122222122_initial';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`chain_blocks\` (\`vault_id\` varchar(32) not null, \`number\` int unsigned not null, \`hash\` varchar(66) not null, \`parent_hash\` varchar(66) not null, primary key (\`vault_id\`, \`number\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );

    this.addSql(
      `create table \`outbox\` (\`seq\` int unsigned not null auto_increment primary key, \`owner_address\` varchar(42) null, \`payload\` text not null, \`created_at\` bigint not null) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`outbox\` add index \`outbox_created_at_index\` (\`created_at\`);`);

    this.addSql(
      `create table \`stakes\` (\`id\` varchar(32) not null, \`vault_id\` varchar(32) not null, \`ref\` varchar(128) not null, \`owner_address\` varchar(42) not null, \`position_key\` varchar(80) not null, \`amount_raw\` varchar(78) not null, \`claimed_reward_raw\` varchar(78) not null, \`reward_claimed\` tinyint(1) not null, \`staked_at\` bigint not null, \`closed_at\` bigint null, \`tx_hash\` varchar(66) null, \`last_block\` int not null, \`last_log_index\` int not null, \`first_block\` int not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(
      `alter table \`stakes\` add index \`stakes_owner_address_vault_id_id_index\` (\`owner_address\`, \`vault_id\`, \`id\`);`,
    );
    this.addSql(`alter table \`stakes\` add unique \`stakes_ref_vault_id_unique\` (\`ref\`, \`vault_id\`);`);

    this.addSql(
      `create table \`staking_conflicts\` (\`id\` varchar(32) not null, \`vault_id\` varchar(32) not null, \`owner_address\` varchar(42) not null, \`position_key\` varchar(80) not null, \`reason\` varchar(40) not null, \`state_before\` text not null, \`state_after\` text not null, \`block_number\` int not null, \`block_hash\` varchar(66) not null, \`created_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );

    this.addSql(
      `create table \`staking_logs\` (\`id\` varchar(32) not null, \`vault_id\` varchar(32) not null, \`chain_id\` int not null, \`ref\` varchar(128) not null, \`owner_address\` varchar(42) not null, \`position_key\` varchar(80) not null, \`event\` varchar(32) not null, \`effect\` varchar(8) not null, \`amount_raw\` varchar(78) null, \`reward_raw\` varchar(78) null, \`staked_at\` bigint null, \`reward_claimed\` tinyint(1) null, \`block_number\` int not null, \`block_hash\` varchar(66) not null, \`block_time\` bigint not null, \`log_index\` int not null, \`tx_hash\` varchar(66) null, \`status\` varchar(8) not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`staking_logs\` add index \`staking_logs_ref_index\` (\`ref\`);`);
    this.addSql(
      `alter table \`staking_logs\` add index \`staking_logs_block_number_log_index_id_index\` (\`block_number\`, \`log_index\`, \`id\`);`,
    );
    this.addSql(
      `alter table \`staking_logs\` add unique \`staking_logs_chain_id_block_hash_log_index_unique\` (\`chain_id\`, \`block_hash\`, \`log_index\`);`,
    );

    this.addSql(
      `create table \`sync_leases\` (\`name\` varchar(32) not null, \`holder\` varchar(64) not null, \`fencing_token\` int not null, \`expires_at\` bigint not null, primary key (\`name\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );

    this.addSql(
      `create table \`sync_runs\` (\`id\` varchar(32) not null, \`cycle\` text not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );

    this.addSql(
      `create table \`sync_state\` (\`id\` int unsigned not null, \`desired_state\` varchar(16) not null, \`interval_seconds\` int not null, \`cycles_total\` bigint not null, \`cycles_succeeded\` bigint not null, \`cycles_failed\` bigint not null, \`errors\` bigint not null, \`last_sync_at\` bigint null, \`updated_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );

    this.addSql(
      `create table \`users\` (\`id\` varchar(32) not null, \`email\` varchar(254) not null, \`password_hash\` varchar(255) not null, \`role\` varchar(8) not null, \`created_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`users\` add unique \`users_email_unique\` (\`email\`);`);

    this.addSql(
      `create table \`sessions\` (\`id\` varchar(64) not null, \`user_id\` varchar(32) not null, \`expires_at\` bigint not null, \`created_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`sessions\` add index \`sessions_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`sessions\` add index \`sessions_expires_at_index\` (\`expires_at\`);`);

    this.addSql(
      `create table \`vaults\` (\`id\` varchar(32) not null, \`kind\` varchar(32) not null, \`chain_id\` int not null, \`address\` varchar(42) not null, \`token_address\` varchar(42) not null, \`decimals\` int not null, \`lock_seconds\` int not null, \`apy_percent\` int not null, \`start_block\` int not null, \`cursor_block\` int null, \`cursor_hash\` varchar(66) null, \`cursor_time\` bigint null, \`head_block\` int null, \`finalized_block\` int null, \`verified_block\` int null, \`staked_total_raw\` varchar(78) not null, \`positions\` int not null, \`facts_applied\` bigint not null, \`creates\` bigint not null, \`updates\` bigint not null, \`deletes\` bigint not null, \`conflicts\` bigint not null, \`reorgs\` bigint not null, \`created_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`vaults\` add unique \`vaults_chain_id_address_unique\` (\`chain_id\`, \`address\`);`);

    this.addSql(
      `create table \`watched_addresses\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`address\` varchar(42) not null, \`created_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`watched_addresses\` add index \`watched_addresses_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`watched_addresses\` add unique \`watched_addresses_user_id_address_unique\` (\`user_id\`, \`address\`);`,
    );

    this.addSql(
      `alter table \`sessions\` add constraint \`sessions_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`watched_addresses\` add constraint \`watched_addresses_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`sessions\` drop foreign key \`sessions_user_id_foreign\`;`);
    this.addSql(`alter table \`watched_addresses\` drop foreign key \`watched_addresses_user_id_foreign\`;`);

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
