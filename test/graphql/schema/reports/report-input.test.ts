import { assertEnumType, assertInputObjectType } from 'graphql'
import { describe, expect, test } from 'vitest'
import { readReportInput } from '../../../../src/graphql/schema/reports/report-input.ts'
import { readScheduledReportInput } from '../../../../src/graphql/schema/reports/scheduled-report-input.ts'
import { schema } from '../../../../src/graphql/schema.ts'
import { reportingCategories } from '../../../../src/ledger/reporting-categories.ts'
import { documentedTypes } from '../../../support/documented-types.ts'

/** The fields of an input type with their types as SDL. */
function fieldsOf(input: string): Record<string, string> {
  const fields = Object.values(assertInputObjectType(schema.getType(input)).getFields())
  return Object.fromEntries(fields.map(({ name, type }) => [name, String(type)]))
}

function typeName(key: string, end: string): string {
  return `${key[0]?.toUpperCase()}${key.slice(1)}${end}`
}

describe('the input of a report', () => {
  test('has a key with the version for every built-in type', () => {
    expect(fieldsOf('ReportInput')).toEqual({
      ...Object.fromEntries(
        documentedTypes.map(({ inputKey }) => [inputKey, typeName(inputKey, 'ParametersInput')]),
      ),
      byName: 'ReportByNameInput',
    })
  })

  test('of a schedule has a key for every type whose data can change', () => {
    const types = documentedTypes.filter(({ required }) => required.includes('interval_end'))
    expect(types.length).toBeGreaterThan(documentedTypes.length / 2)
    expect(fieldsOf('ScheduledReportInput')).toEqual({
      ...Object.fromEntries(
        types.map(({ inputKey }) => [inputKey, typeName(inputKey, 'ScheduleParametersInput')]),
      ),
      byName: 'ScheduledReportByNameInput',
    })
  })

  test.each(['ReportInput', 'ScheduledReportInput'])(
    '%s names the replacement for an older type',
    (input) => {
      const fields = assertInputObjectType(schema.getType(input)).getFields()
      for (const { inputKey, replacedBy } of documentedTypes) {
        const newer = documentedTypes.find(({ name }) => name === replacedBy)?.inputKey
        const reason = newer && `Use ${newer}, which has all of its columns and more.`
        if (fields[inputKey]) expect(fields[inputKey].deprecationReason, inputKey).toBe(reason)
      }
    },
  )
})

describe('the input for parameters', () => {
  const values = {
    columns: '[String!]',
    currency: 'Currency',
    decimalSeparator: 'DecimalSeparator!',
    reportingCategory: 'ReportingCategory',
    timezone: 'TimeZone!',
  }

  test('has specific types, and an interval where the report has one', () => {
    expect(fieldsOf('PayoutsItemized3ParametersInput')).toEqual({
      ...values,
      interval: 'ReportIntervalInput!',
    })
    expect(fieldsOf('EndingBalanceReconciliationItemized4ParametersInput')).toEqual({
      ...values,
      intervalEnd: 'DateTime!',
    })
  })

  test('of a schedule has only relative intervals', () => {
    for (const key of ['PayoutsItemized3', 'EndingBalanceReconciliationItemized4']) {
      expect(fieldsOf(`${key}ScheduleParametersInput`)).toEqual({
        ...values,
        // Its default depends on the trigger.
        timezone: 'TimeZone',
        interval: 'ScheduleInterval!',
      })
    }
  })

  test('accepts each reporting category of the catalog in upper case', () => {
    const categories = assertEnumType(schema.getType('ReportingCategory')).getValues()
    expect(categories.map(({ name, value }) => [name, value])).toEqual(
      reportingCategories.map((value) => [value.toUpperCase(), value]),
    )
  })
})

describe('a report as commands accept it', () => {
  const start = new Date('2026-03-01T00:00:00Z')
  const end = new Date('2026-04-01T00:00:00Z')

  test('has the parameters of the catalog and their paths in the input', () => {
    const interval = { between: { start, end } }
    const given = { interval, currency: 'EUR', decimalSeparator: ',', reportingCategory: 'refund' }
    const { pathOf, ...report } = readReportInput({ payoutsItemized3: { ...given, columns: null } })
    expect(report).toEqual({
      type: 'payouts.itemized.3',
      parameters: {
        interval_start: '2026-03-01T00:00:00.000Z',
        interval_end: '2026-04-01T00:00:00.000Z',
        currency: 'EUR',
        decimal_separator: ',',
        reporting_category: 'refund',
      },
      relativeInterval: null,
    })
    const key = ['report', 'payoutsItemized3']
    expect(pathOf(['type'])).toEqual(key)
    expect(pathOf(['parameters', 'interval_start'])).toEqual([...key, 'interval', 'between', 'start'])
    expect(pathOf(['parameters', 'decimal_separator'])).toEqual([...key, 'decimalSeparator'])
    expect(pathOf(['parameters', 'columns', '1'])).toEqual([...key, 'columns', '1'])
    expect(pathOf(['formats'])).toEqual(['output', 'formats'])
    expect(pathOf(['label'])).toEqual(['label'])
  })

  test('of one instant has only the end', () => {
    const { pathOf, ...report } = readReportInput({
      endingBalanceReconciliationSummary1: { intervalEnd: end, timezone: 'Etc/UTC' },
    })
    expect(report).toEqual({
      type: 'ending_balance_reconciliation.summary.1',
      parameters: { interval_end: '2026-04-01T00:00:00.000Z', timezone: 'Etc/UTC' },
      relativeInterval: null,
    })
    const path = ['report', 'endingBalanceReconciliationSummary1', 'intervalEnd']
    expect(pathOf(['parameters', 'interval_end'])).toEqual(path)
  })

  test('of a schedule has the relative interval', () => {
    const { pathOf, ...report } = readScheduledReportInput({
      balanceSummary1: { interval: 'PREVIOUS_PERIOD', timezone: 'Etc/UTC' },
    })
    expect(report).toEqual({
      type: 'balance.summary.1',
      parameters: { timezone: 'Etc/UTC' },
      relativeInterval: 'PREVIOUS_PERIOD',
    })
    expect(pathOf(['parameters', 'interval_end'])).toEqual(['report', 'balanceSummary1', 'interval'])
  })

  test('by name has the given parameters, or none', () => {
    const { pathOf, ...report } = readReportInput({ byName: { name: 'a.1', interval: 'YESTERDAY' } })
    expect(report).toEqual({ type: 'a.1', parameters: {}, relativeInterval: 'YESTERDAY' })
    expect(pathOf(['type'])).toEqual(['report', 'byName', 'name'])
    expect(pathOf(['parameters', 'interval_end'])).toEqual(['report', 'byName', 'interval'])
    expect(pathOf(['parameters', 'x'])).toEqual(['report', 'byName', 'parameters', 'x'])
  })
})
