import { describe, expect, test } from 'vitest'
import { createAmountReader } from '../../../src/ledger/import/amount.ts'

const [nbsp, narrow] = ['\u00a0', '\u202f']

describe('an amount', () => {
  test.each([
    ['100.30', 'usd', 10_030],
    ['100,30', 'eur', 10_030],
    ['1,050.00', 'usd', 105_000],
    ['1.050,00', 'eur', 105_000],
    ['-1,234,567.89', 'usd', -123_456_789],
    ['1,234,567', 'jpy', 1_234_567],
    ['1 050,00', 'eur', 105_000],
    [`1${nbsp}050,00`, 'eur', 105_000],
    [`1${narrow}050,00`, 'eur', 105_000],
    ["1'050.00", 'chf', 105_000],
    ['−20.00', 'usd', -2000],
    ['１００.３０', 'usd', 10_030],
    ['1,234.500', 'kwd', 1_234_500],
    ['0.134', 'bhd', 134],
    ['-5.000000000000000000', 'usd', -500],
    ['-0.00', 'usd', 0],
  ])('%s in %s is read, because it has one meaning', (text, currency, expected) => {
    expect(createAmountReader().read(text, currency)).toBe(expected)
  })

  test.each([
    ['1,050', 'usd', /comma before three digits/],
    ['1,050', 'kwd', /comma before three digits/],
    ['1.050', 'eur', /point before three digits/],
    ['1.000', 'jpy', /point before three digits/],
    ['5.50', 'jpy', /more decimals than jpy allows: 0/],
    ['1.2345', 'kwd', /more decimals than kwd allows: 3/],
    ['1.005', 'usd', /three digits/],
    ['1.05E+03', 'usd', /scientific notation/],
    ['1e5', 'usd', /scientific notation/],
    ['(20.00)', 'usd', /formatted by a spreadsheet/],
    ['$20.00', 'usd', /formatted by a spreadsheet/],
    ['20,00 €', 'eur', /formatted by a spreadsheet/],
    ['20.00 USD', 'usd', /formatted by a spreadsheet/],
    ['1,050,00', 'eur', /not a valid amount/],
    ['1,05.00', 'usd', /not a valid amount/],
    ['1.050.00', 'eur', /not a valid amount/],
    ['#####', 'usd', /not a valid amount/],
    ['20.00-', 'usd', /not a valid amount/],
    ['0x10', 'usd', /not a valid amount/],
    ['99999999999999999.00', 'usd', /too large/],
  ])('%s in %s is rejected', (text, currency, reason) => {
    expect(() => createAmountReader().read(text, currency)).toThrow(reason)
  })

  test.each([
    ['1,050.00', '20,00'],
    ['1,234,567', '20,00'],
    ['20.00', '1.234.567'],
  ])('%s and %s are not in one file: both marks would be the decimal separator', (first, second) => {
    const { read } = createAmountReader()
    read(first, 'usd')
    expect(() => read(second, 'usd')).toThrow(/decimal separator/)
  })
})

test('a comma before three decimals is clear after an amount that shows it', () => {
  const { read } = createAmountReader()
  read('20,00', 'eur')
  expect(read('1,050', 'kwd')).toBe(1050)
})

describe('the amounts of a file', () => {
  test('do not show the unit of amounts in other columns', () => {
    const { read, checkUnits } = createAmountReader()
    read('10030', 'usd', 'settled')
    read('100.35', 'eur', 'facing')
    expect(checkUnits).toThrow(/none of its amounts has decimals/)
  })

  test.each([
    [['10030', '-320'], 'usd', false],
    [['10030.0', '-320.0'], 'usd', false],
    [['10030', '100.35'], 'usd', true],
    [['0', '100.30'], 'usd', true],
    [['10030', '100.30'], 'usd', false],
    [['10030', '50.00'], 'usd', false],
    [['50.00'], 'usd', true],
    [['100.3'], 'usd', true],
    [['0', '0'], 'usd', true],
    [['10030'], 'jpy', true],
    [['10030'], 'kwd', false],
    [[], 'usd', true],
  ])('%j in %s are in major units: %s', (texts, currency, isKnown) => {
    const { read, checkUnits } = createAmountReader()
    for (const text of texts) read(text, currency)
    if (isKnown) expect(checkUnits).not.toThrow()
    else expect(checkUnits).toThrow(/can be in cents: .* or pass --amounts major/)
  })
})
