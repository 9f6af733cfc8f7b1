import { Temporal } from 'temporal-polyfill'
import { expect, test } from 'vitest'
import type { AnyReportType } from '../../src/reports/report-type.ts'
import { balanceSummary } from '../../src/reports/stripe/balance.ts'
import { acceptTrigger } from '../../src/schedules/trigger.ts'
import { at } from '../support/instants.ts'

test('a custom report cannot have a data trigger, because its data is unknown', () => {
  const given = { kind: 'data', period: Temporal.Duration.from('P1D') } as const
  const accept = (custom: AnyReportType['custom']) =>
    acceptTrigger(
      given,
      { ...balanceSummary, ...(custom && { custom }) },
      'Etc/UTC',
      at('2026-11-27T12:00:00Z'),
    )
  expect(accept(undefined)).toMatchObject({ kind: 'data' })
  expect(() => accept({ rows: 1, seconds: 1 })).toThrow(
    'cannot detect when its data grows. Use a cron trigger.',
  )
})
