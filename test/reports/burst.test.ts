import { expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { startTestGateway } from '../support/gateway.ts'
import { runReport } from '../support/run-report.ts'

test('reports that are asked for at once are all taken up at once, not at the next look at the queue', async () => {
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
  // Of the time, a report was made. When the worker is not woken it looks every two seconds, much longer than a report takes.
  expect(work?.share).toBeGreaterThan(0.3)
})
