import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { shareConnections } from '../../src/server/connection-shares.ts'

const page = new URL('../../docs/operations/postgres.md', import.meta.url)
const limits = { rows: 1, seconds: 1 }
const custom = { folder: 'reports', databaseUrl: null, limits }

function totalOf(options: Parameters<typeof shareConnections>[0]): number {
  return Object.values(shareConnections(options)).reduce((sum, share) => sum + share, 0)
}

test('a process opens as many connections as the documentation says', async () => {
  const text = await readFile(page, 'utf8')
  for (const role of ['gateway', 'worker', 'all'] as const) {
    const [, plain, withCustom] =
      new RegExp(`\`ROLE=${role}\` \\|[^|]*\\| (\\d+) \\| (\\d+) \\|`).exec(text) ?? []
    const settings = { role, concurrency: 4, connections: null }
    expect([role, totalOf({ ...settings, reports: null })]).toEqual([role, Number(plain)])
    expect([role, totalOf({ ...settings, reports: custom })]).toEqual([role, Number(withCustom)])
  }
})

test('a bound is kept exactly, and every purpose has a connection', () => {
  for (const role of ['gateway', 'worker', 'all'] as const) {
    for (const reports of [null, custom]) {
      for (const connections of [10, 11, 12, 19, 20, 21, 40, 100]) {
        for (const concurrency of [1, 4, 64]) {
          const shares = shareConnections({ role, concurrency, connections, reports })
          expect(totalOf({ role, concurrency, connections, reports })).toBe(connections)
          expect(shares.requests).toBeGreaterThanOrEqual(2)
          if (role !== 'gateway') expect(shares.reports).toBeGreaterThanOrEqual(1)
        }
      }
    }
  }
})
