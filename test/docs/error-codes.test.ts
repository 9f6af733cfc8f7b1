import { expect, test } from 'vitest'
import { errorCodesPage } from '../../docs/generate/error-codes.ts'
import { closeCodes } from '../../src/close-codes.ts'
import { httpStatuses, topLevelCodes, userErrorCodes } from '../../src/error-codes.ts'

test('the page has a row for every code, status and close number, and every row is whole', () => {
  const rows = errorCodesPage()
    .split('\n')
    .filter((line) => line.startsWith('| '))
  const first = rows.map((row) => row.split(' | ')[0]?.slice(2))
  for (const code of [...Object.keys(topLevelCodes), ...Object.keys(userErrorCodes)]) {
    expect(first).toContain(`\`${code}\``)
  }
  for (const { number } of Object.values(closeCodes)) expect(first).toContain(String(number))
  for (const statuses of Object.values(httpStatuses)) {
    for (const status of Object.keys(statuses)) expect(first).toContain(status)
  }
  expect(rows.filter((row) => !/^\|( [^|]* \|){2,5}$/.test(row))).toEqual([])
})
