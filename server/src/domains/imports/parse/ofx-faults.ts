import { CURRENCY_OF_AMOUNT, TRADE } from './ofx-rows.ts';

/**
 * Says of each transaction of an OFX file, in the order of the file, what forbids to take it as it stands: another account than that of the first one, an
 * amount that is not in the account's currency or that may be thousand times another one, a correction of what an earlier file had, a type that contradicts the
 * sign, or a trade.
 */
export function ofxFaultsOf({
  accountCurrency,
  isAmountInverted,
}: {
  accountCurrency: string;
  isAmountInverted: boolean;
}): (fields: ReadonlyMap<string, string>) => { field: string; message: string }[] {
  let firstAccount: string[] | null = null;
  return (fields) => {
    if (fields.has(TRADE)) {
      const message = 'is a trade or a dividend of an investment account, which is not imported: enter it yourself';
      return [{ field: 'row', message }];
    }
    const get = (name: string) => fields.get(name) ?? '';
    const faults: { field: string; message: string }[] = [];
    const account = ['BANKID', 'ACCTID', 'ACCTTYPE'].map(get);
    firstAccount ??= account;
    if (account.some((part, index) => part !== firstAccount?.[index]))
      faults.push({ field: 'account', message: 'is of another account than the rows before: import it on its own' });
    const currency = (get(CURRENCY_OF_AMOUNT) || get('CURDEF')).toUpperCase();
    if (currency !== '' && currency !== accountCurrency)
      faults.push({ field: 'currency', message: `must be ${accountCurrency}, the account's` });
    if (fields.has('CORRECTFITID') || fields.has('CORRECTACTION')) {
      const message = 'corrects or removes an earlier transaction: change that one yourself, and leave this one out';
      faults.push({ field: 'row', message });
    }
    if (isTwoWays(get('TRNAMT')) && !THOUSANDTHS.has(accountCurrency))
      faults.push({
        field: 'amount',
        message: 'may be read in two ways: a comma before three digits divides thousands or a fraction',
      });
    const isBelowZero = get('TRNAMT').startsWith('-') !== isAmountInverted;
    const type = get('TRNTYPE').toUpperCase();
    if ((type === 'DEBIT' && !isBelowZero) || (type === 'CREDIT' && isBelowZero))
      faults.push({ field: 'amount', message: `has a sign that contradicts its type, ${type}` });
    return faults;
  };
}

/** Whether a comma may divide thousands, which OFX forbids, as well as a fraction, which none has with three digits where the currency has two. */
function isTwoWays(amount: string): boolean {
  return /^[+-]?[1-9]\d{0,2},\d{3}$/.test(amount);
}

/** The currencies that are divided into thousandths. */
const THOUSANDTHS = new Set(['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND']);
