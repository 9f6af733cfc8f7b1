import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createGraphqlClient } from '../support/graphql-client.ts'
import {
  createSlowRun,
  type SeenRun,
  slowReport,
  storedFiles,
  watchQuery,
  watchToEnd,
} from '../support/slow-report.ts'

test('a gateway that stops hands its running report back, and the next one finishes it', async () => {
  await using database = await createTestDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) }
  // Running reports have no time to finish.
  const options = { database, dataDir, reportTypes: [slowReport], config: { stopSeconds: 0 } }

  let id = ''
  let key = ''
  let before: SeenRun | undefined
  {
    await using first = await startTestGateway(options)
    const account = await first.createAccount()
    key = account.key
    id = await createSlowRun(account.client, { rows: '150', row_seconds: '0.02', width: '4000' })
    for await (const { data } of account.client.subscribe<{ reportRun: SeenRun }>(watchQuery, { id })) {
      before = data?.reportRun
      if ((before?.progress?.percent ?? 0) > 30) break
    }
  }
  expect(before?.status).toBe('RUNNING')
  const [left] = await database.query<{ status: string; percent: number; finished_at: Date | null }>(
    'select status, percent, finished_at from report_runs where id = $1',
    [id],
  )
  expect(left).toMatchObject({ status: 'RUNNING', finished_at: null })
  expect(await storedFiles(dataDir)).toEqual([])

  await using second = await startTestGateway(options)
  const states = await watchToEnd(createGraphqlClient(second.url, key), id)
  expect(states[0]?.status).toBe('RUNNING')
  expect(states.at(-1)).toMatchObject({ status: 'SUCCEEDED', result: { rowCount: '150' } })
  const percents = states.flatMap(({ progress }) => progress?.percent ?? [])
  expect(percents[0]).toBe(left?.percent)
  expect(percents).toEqual(percents.toSorted((a, b) => a - b))
  const written = states.flatMap(({ progress }) => Number(progress?.rowsWritten ?? []))
  expect(written).toEqual(written.toSorted((a, b) => a - b))
  expect(states.every(({ startedAt }) => startedAt === before?.startedAt)).toBe(true)
  expect(await storedFiles(dataDir)).toEqual([
    expect.stringContaining(states.at(-1)?.result?.files[0]?.id ?? 'no file'),
  ])
})
