/** The types of transactions by which money goes, but for one that is taken back now and then. */
const SPENT = new Set(['ATM', 'CASH', 'CHECK', 'DIRECTDEBIT', 'FEE', 'PAYMENT', 'POS', 'REPEATPMT', 'SRVCHG']);
/** The share of these with an amount above zero from which on the file is signed the other way round. */
const MOSTLY = 0.5;

/**
 * Where most of what is spent stands above zero in the beginning of an OFX file, by the types of its transactions: `DEBIT` and `CREDIT` tell of each row alone
 * (`ofxFaultsOf`), the others of all together, since a payment may come back.
 */
export function ofxSignWarnings(text: string): string[] {
  const types = new Set<string>();
  let [spent, above] = [0, 0];
  for (const part of text.split(/<STMTTRN>/i).slice(1)) {
    const type = elementOf(part, 'TRNTYPE').toUpperCase();
    const amount = elementOf(part, 'TRNAMT');
    if (!SPENT.has(type) || !/[1-9]/.test(amount)) continue;
    spent += 1;
    if (/^-|-$|^\(/.test(amount)) continue;
    above += 1;
    types.add(type);
  }
  if (above <= spent * MOSTLY) return [];
  return [
    `Most transactions of types by which money goes (${[...types].join(', ')}) have amounts above zero and become income. Check them, or say that what is spent stands above zero.`,
  ];
}

function elementOf(part: string, name: string): string {
  return new RegExp(String.raw`<${name}>([^<\r\n]*)`, 'i').exec(part)?.[1]?.trim() ?? '';
}
