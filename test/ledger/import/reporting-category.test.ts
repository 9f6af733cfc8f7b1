import { expect, test } from 'vitest'
import { reportingCategoryOf } from '../../../src/ledger/import/reporting-category.ts'

test.each([
  ['re_1', 20, 'REFUND FAILURE (Order 1)', 'refund_failure'],
  ['pyr_1', 20, null, 'refund_failure'],
  ['ch_1', 20, 'REFUND FAILURE (Order 1)', 'refund_failure'],
  ['re_1', -20, 'Correction of a refund', 'other_adjustment'],
  ['du_1', -50, 'Chargeback withdrawal for ch_1', 'dispute'],
  ['dp_1', -50, null, 'dispute'],
  ['du_1', 50, null, 'dispute_reversal'],
  ['ch_1', 50, 'Chargeback reversal for ch_1', 'dispute_reversal'],
  [null, -15, 'Dispute fee for ch_1', 'other_adjustment'],
  [null, 2, 'Goodwill credit', 'other_adjustment'],
])('an adjustment of %s by %i (%s) is %s', (sourceId, amount, description, expected) => {
  const row = { sourceId, amount, net: amount, description }
  expect(reportingCategoryOf('adjustment', row)).toBe(expected)
})

test('a dispute without an amount has the direction of its fee', () => {
  const row = { sourceId: 'du_1', amount: 0, description: null }
  expect(reportingCategoryOf('adjustment', { ...row, net: -15 })).toBe('dispute')
  expect(reportingCategoryOf('adjustment', { ...row, net: 15 })).toBe('dispute_reversal')
})
