import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../../../support/gateway.ts'
import { created, slowInput } from '../../../support/run-mutations.ts'
import { slowReport } from '../../../support/slow-report.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport], config: { role: 'gateway' } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

test.each([
  ['the requested output', { formats: ['JSONL', 'CSV', 'JSONL'], compression: 'ZSTD', retention: 'PT36H' }],
  ['the defaults', undefined],
])('a run shows how its result is written: %s', async (_what, output) => {
  const { client } = await gateway.createAccount()
  const { id } = await created(client, slowInput({ ...(output && { output }) }))
  const { reportRun } = await client.request<{ reportRun: unknown }>(
    'query ($id: ID!) { reportRun(id: $id) { output { formats compression retention } } }',
    { id },
  )
  expect(reportRun).toEqual({
    output: output
      ? { ...output, formats: ['JSONL', 'CSV'] }
      : { formats: ['CSV'], compression: 'NONE', retention: 'PT720H' },
  })
})
