import { expect, test, vi } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'
import { createSlowRun, endOf, slowReport, startOf, watchQuery } from '../support/slow-report.ts'

/** Values by name and labels, as printed. */
async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

function metric(name: string): string {
  return `report_gateway_${name}`
}

test('each gateway counts its own runs, operations, requests and connections', async () => {
  await using gateway = await startTestGateway({ reportTypes: [slowReport] })
  await using other = await startTestGateway()
  const { url } = gateway
  const { client, key } = await gateway.createAccount()
  // Long enough for the subscription to start before its end: an ended run is read, and no event is delivered.
  const run = await endOf(
    client,
    await createSlowRun(client, { rows: '7', row_seconds: '0.2', width: '9000' }),
  )
  const failed = await createSlowRun(client, { rows: '3', fails_at: '2' })
  expect((await endOf(client, failed)).status).toBe('FAILED')
  await client.execute('{ nothing }')
  await client.execute('{ node(id: "frr_1") { id } ')
  await fetch(`${url}/some/path/nobody/knows`)

  const type = 'report_type="test.slow.1"'
  await vi.waitFor(async () => {
    const values = await scrape(url)
    expect(values.get(metric(`runs_total{${type},status="SUCCEEDED"}`))).toBe(1)
    expect(values.get(metric(`runs_total{${type},status="FAILED"}`))).toBe(1)
    expect(values.get(metric(`run_failures_total{${type},code="UPSTREAM_ERROR"}`))).toBe(1)
    expect(values.get(metric('unfinished_runs{status="RUNNING"}'))).toBe(0)
    expect(values.get(metric('catch_up_readers'))).toBe(0)
    expect(values.get(metric('check_up{check="storage"}'))).toBe(1)
    expect(values.get(metric('pool_connections{pool="requests",state="max"}'))).toBe(10)
    expect(values.get(metric('pool_connections{pool="estimates",state="waiting"}'))).toBe(0)
    expect(values.get(metric(`run_duration_seconds_count{${type},status="SUCCEEDED"}`))).toBe(1)
    expect(values.get(metric(`run_queue_seconds_count{${type}}`))).toBe(2)
    expect(values.get(metric(`rows_written_total{${type}}`))).toBe(7)
    expect(values.get(metric(`bytes_written_total{${type}}`))).toBe(Number(run.result?.files[0]?.byteSize))
    expect(values.get(metric('runs_running'))).toBe(0)
    expect(values.get(metric('queue_depth'))).toBe(0)
    expect(values.get(metric('graphql_operations_total{kind="mutation",outcome="ok"}'))).toBe(2)
    expect(values.get(metric('graphql_operations_total{kind="subscription",outcome="ok"}'))).toBe(2)
    expect(values.get(metric('graphql_operations_total{kind="unknown",outcome="refused"}'))).toBe(2)
    const post = 'method="POST",route="/graphql"'
    expect(values.get(metric(`http_request_duration_seconds_count{${post},status="200"}`))).toBeGreaterThan(2)
    expect(
      values.get(metric('http_request_duration_seconds_count{method="GET",route="other",status="404"}')),
    ).toBe(1)
    expect(values.get(metric('events_delivered_total'))).toBeGreaterThanOrEqual(4)
    expect(values.get(metric('open_sockets'))).toBe(0)
    expect(values.get(metric('open_subscriptions'))).toBe(0)
    expect(values.get(metric('pool_connections{pool="requests",state="total"}'))).toBeGreaterThan(0)
    expect(values.get(metric('pool_connections{pool="reports",state="waiting"}'))).toBe(0)
    expect(values.get(metric('wake_up_reconnects_total'))).toBe(0)
    expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(0)
  }, 10_000)
  expect([...(await scrape(other.url)).keys()].filter((name) => name.includes('test.slow'))).toEqual([])

  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).not.toContain(key)
  expect(text).not.toMatch(/frr_|acct_|sk_test_|some\/path/)
})

test('gauges count what is in progress, and return to zero after', async () => {
  await using gateway = await startTestGateway({ reportTypes: [slowReport], config: { concurrency: 1 } })
  const { client } = await gateway.createAccount()
  const id = await createSlowRun(client, { rows: '100000', row_seconds: '0.01' })
  await startOf(client, id)
  const waiting = await createSlowRun(client)
  const states = client.subscribe(watchQuery, { id: waiting })
  await states.next()
  await vi.waitFor(
    async () => {
      const values = await scrape(gateway.url)
      const names = ['runs_running', 'open_sockets', 'open_subscriptions', 'queue_depth']
      expect(names.map((name) => values.get(metric(name)))).toEqual([1, 1, 1, 1])
    },
    { timeout: 30_000 },
  )
  await states.return(undefined)
  await client.request('mutation ($id: ID!) { cancelReportRun(input: { id: $id }) { reportRun { id } } }', {
    id,
  })
  await endOf(client, waiting)
  await vi.waitFor(
    async () => {
      const values = await scrape(gateway.url)
      const names = ['runs_running', 'open_sockets', 'open_subscriptions', 'queue_depth']
      expect(names.map((name) => values.get(metric(name)))).toEqual([0, 0, 0, 0])
      expect(values.get(metric('runs_total{report_type="test.slow.1",status="CANCELED"}'))).toBe(1)
    },
    { timeout: 30_000 },
  )
})

test('a reconnection for wake-ups is counted', async () => {
  await using gateway = await startTestGateway()
  await gateway.database.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'report-gateway wake-up'",
  )
  await vi.waitFor(
    async () => expect((await scrape(gateway.url)).get(metric('wake_up_reconnects_total'))).toBe(1),
    { timeout: 30_000 },
  )
})

test('metrics can be switched off', async () => {
  await using gateway = await startTestGateway({ config: { metrics: false } })
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(404)
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200)
})
