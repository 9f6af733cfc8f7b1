import { expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { startTestGateway } from '../support/gateway.ts'
import { runReport } from '../support/run-report.ts'

test('workers claim simultaneous runs immediately, without waiting for the next poll', async () => {
  await using gateway = await startTestGateway({ withLedger: true })
  const account = await gateway.createAccount({ accountId: demoAccountId })
  const interval = { between: { start: '2026-09-01T00:00:00Z', end: '2026-10-01T00:00:00Z' } }
  for (let burst = 0; burst < 4; burst++) {
    const runs = Array.from({ length: 8 }, () => runReport(account, { payoutsSummary1: { interval } }))
    await Promise.all(runs)
  }
  const [work] = await gateway.database.query<{ share: number }>(
    `select (extract(epoch from sum(finished_at - started_at))
        / extract(epoch from max(finished_at) - min(created_at)))::float8 as share from report_runs`,
  )
  // The share of the time in which a run was executing. Without a wake-up, the worker polls every two seconds, which is much
  // longer than a run.
  expect(work?.share).toBeGreaterThan(0.3)
})
