import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressOut, addressSchema, idInput, pageInput } from './common.ts';

const lower = fc.stringMatching(/^0x[0-9a-f]{40}$/);

describe('addresses', () => {
  test('lower and upper case are the same address, answered in lower case', () => {
    fc.assert(
      fc.property(lower, (address) => {
        for (const text of [address, `0x${address.slice(2).toUpperCase()}`])
          expect(addressSchema.parse(text)).toBe(address);
        expect(addressOut.safeParse(address).success).toBe(true);
      }),
    );
  });

  test.each([
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
    '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
    '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
  ])('%s, an example of EIP-55, is taken', (address) => {
    expect(addressSchema.parse(address)).toBe(address.toLowerCase());
  });

  test('in mixed case a wrong digit, or a letter in the wrong case, is refused as a wrong checksum', () => {
    const right = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
    expect(addressSchema.parse(right)).toBe(right.toLowerCase());
    for (const wrong of [
      right.replace('709', '708'),
      right.replace('dc79C8', 'dc79c8'),
      right.replace('17dc', '17Dc'),
    ]) {
      const parsed = addressSchema.safeParse(wrong);
      expect(parsed.error?.issues.map(({ message }) => message)).toEqual([expect.stringContaining('wrong checksum')]);
    }
  });

  test.each([
    ['39 digits', `0x${'a'.repeat(39)}`],
    ['41 digits', `0x${'a'.repeat(41)}`],
    ['no prefix', 'a'.repeat(40)],
    ['an upper-case prefix', `0X${'a'.repeat(40)}`],
    ['a letter that is no digit', `0x${'a'.repeat(39)}g`],
    ['a space before it', ` 0x${'a'.repeat(40)}`],
    ['a line break after it', `0x${'a'.repeat(40)}\n`],
    ['a wide digit', `0x${'a'.repeat(39)}１`],
    ['a name', 'vitalik.eth'],
    ['nothing', ''],
    ['null', null],
    ['a number', 0x70997970],
    ['an array of one', [`0x${'a'.repeat(40)}`]],
  ])('%s is refused with a message for a person', (_, input) => {
    const parsed = addressSchema.safeParse(input);
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toMatch(
      /must be an address|must be text|must have at most|expected string|Too big/,
    );
  });

  test('a megabyte of digits is refused at once', () => {
    // Not the clock on the wall: that goes on while others have the processor.
    const before = process.cpuUsage();
    expect(addressSchema.safeParse(`0x${'a'.repeat(1_000_000)}`).success).toBe(false);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000, 'milliseconds of work').toBeLessThan(100);
  });
});

describe('ids', () => {
  test('of any kind are taken as they are; anything that no id has in it is refused', () => {
    for (const id of ['pos_01kampz1ctfen98j5mgjgd6bwb', 'vlt_test', 'x']) expect(idInput.parse(id)).toBe(id);
    for (const id of ['', 'pos_\0', 'pos 1', "pos_'", 'pos_ä', 'pos_1\n', 'a'.repeat(65), 7, null]) {
      expect(idInput.safeParse(id).success, JSON.stringify(id)).toBe(false);
    }
  });
});

describe('pages', () => {
  test('hold 50 items unless asked, and never more than 200', () => {
    expect(pageInput.parse({})).toEqual({ limit: 50 });
    expect(pageInput.parse({ limit: 200 })).toEqual({ limit: 200 });
    for (const limit of [0, -1, 201, 1.5, '10', Number.NaN, null]) {
      expect(pageInput.safeParse({ limit }).success, String(limit)).toBe(false);
    }
  });

  test('an unknown field and a cursor of any length are refused', () => {
    expect(pageInput.safeParse({ offset: 10 }).success).toBe(false);
    expect(pageInput.safeParse({ cursor: 'a'.repeat(513) }).success).toBe(false);
  });
});
