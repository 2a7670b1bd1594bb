import { type AccountOut, formatMoney } from '@finverse/shared';
import { toInstant } from '../../kernel/clock.ts';
import type { AccountRecord, TransactionRecord } from '../ledger/index.ts';

/** An account as it is answered, with the transaction that opened it. */
export function toAccountOut(account: AccountRecord, opening: TransactionRecord | undefined): AccountOut {
  const { creditLimit, balance } = account;
  return {
    id: account.id,
    name: account.name,
    type: account.type,
    currency: account.currency,
    balance: formatMoney(balance),
    creditLimit: creditLimit === null ? null : formatMoney(creditLimit),
    availableCredit: creditLimit === null ? null : formatMoney(creditLimit + balance),
    openingBalance: formatMoney(opening?.amount ?? 0n),
    openedOn: opening?.occurredOn ?? null,
    icon: account.icon,
    color: account.color,
    note: account.note,
    isHidden: account.isHidden,
    archivedAt: account.archivedAtMs === null ? null : toInstant(account.archivedAtMs),
    createdAt: toInstant(account.createdAtMs),
    updatedAt: toInstant(account.updatedAtMs),
  };
}
