import { afterAll, beforeAll, expect, test } from 'vitest'
import { demoAccountId } from '../src/demo/demo.ts'
import { startTestGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true })
})
afterAll(() => gateway[Symbol.asyncDispose]())

test('a run is created, followed to its end and downloaded', async () => {
  const { client } = await gateway.createAccount({ accountId: demoAccountId })
  const created = await client.request<{ createReportRun: { reportRun: { id: string } } }>(`mutation {
    createReportRun(input: { report: { balanceSummary1: { interval: {
      between: { start: "2026-09-01T00:00:00Z", end: "2026-10-01T00:00:00Z" } } } } }) { reportRun { id } userErrors { message } } }`)
  const { id } = created.createReportRun.reportRun
  const states: string[] = []
  for await (const { data } of client.subscribe<{ reportRun: { status: string } }>(
    'subscription ($id: ID!) { reportRun(id: $id) { status } }',
    { id },
  ))
    states.push(data?.reportRun.status ?? '')
  expect(states.at(-1)).toBe('SUCCEEDED')
})
