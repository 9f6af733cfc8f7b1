import { expect, test, vi } from 'vitest'
import { ask, isReady } from '../support/ask.ts'
import { runOutside } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { slowReport } from '../support/slow-report.ts'

test('a mutation on a connection that was open when the database became read-only is answered with 503', async () => {
  await using gateway = await startTestGateway({ config: { role: 'gateway' }, reportTypes: [slowReport] })
  const account = await gateway.createAccount()
  // The settings of a database apply to new sessions only. In an open one, the statement itself fails.
  await gateway.database.query(`
    create function refuse_writes() returns trigger language plpgsql
    as $$ begin raise 'cannot execute INSERT in a read-only transaction' using errcode = '25006'; end $$`)
  await gateway.database.query(
    'create trigger refuse_writes before insert on report_runs for each row execute function refuse_writes()',
  )
  const mutation =
    'mutation { createReportRun(input: { report: { byName: { name: "test.slow.1" } } }) { reportRun { id } } }'
  const answer = await ask(gateway.url, account, mutation)
  expect(answer).toMatchObject({ status: 503, code: 'UNAVAILABLE', retryAfter: '1' })
  expect(answer.message).toMatch(/^The database is read-only\. Try again/)
})

test('while the database is read-only, clients are asked to retry, and the gateway recovers by itself', async () => {
  await using gateway = await startTestGateway({ config: { role: 'gateway' } })
  const { database, url } = gateway
  const account = await gateway.createAccount()
  const name = new URL(database.url).pathname.slice(1)
  const endSessions = () =>
    database.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name like 'report-gateway%'",
      [name],
    )
  const write = () =>
    ask(url, account, 'mutation { deleteReportRun(input: { id: "frr_1" }) { userErrors { message } } }')
  expect((await write()).status).toBe(200)

  await runOutside(database.url, `alter database ${name} set default_transaction_read_only = on`)
  await vi.waitFor(async () => expect(await isReady(url)).toBe(false), { timeout: 30_000 })
  await endSessions()
  await vi.waitFor(
    async () => expect(await write()).toMatchObject({ status: 503, code: 'UNAVAILABLE', retryAfter: '1' }),
    { timeout: 30_000 },
  )
  expect((await write()).message).toMatch(/^The database is read-only\. Try again/)

  await runOutside(database.url, `alter database ${name} reset default_transaction_read_only`)
  await vi.waitFor(async () => expect((await write()).status).toBe(200), { timeout: 30_000 })
  await vi.waitFor(async () => expect(await isReady(url)).toBe(true), { timeout: 30_000 })
})
