import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'
import { create, created, deleteRun, slowInput } from '../../support/run-mutations.ts'
import { slowReport } from '../../support/slow-report.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport], config: { role: 'gateway' } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** Shows the run to the first query only, as if it were deleted after that. */
async function showOnce(id: string): Promise<AsyncDisposable> {
  const { database } = gateway
  await database.query('create sequence readings')
  await database.query('alter table report_runs rename to all_report_runs')
  await database.query(
    `create view report_runs as select * from all_report_runs where id <> '${id}' or nextval('readings') = 1`,
  )
  return {
    [Symbol.asyncDispose]: async () => {
      await database.query('drop view report_runs')
      await database.query('alter table all_report_runs rename to report_runs')
      await database.query('drop sequence readings')
    },
  }
}

test('the run of a status error is null when the run was deleted in the meantime', async () => {
  const account = await gateway.createAccount()
  const { id } = await insertRun(gateway.prisma, account, { status: 'RUNNING' })
  await using _shown = await showOnce(id)
  expect(await deleteRun(account.client, id)).toEqual({
    deletedId: null,
    userErrors: [expect.objectContaining({ __typename: 'StatusError', reportRun: null })],
  })
})

test('the run of an idempotency error is null when the run was deleted in the meantime', async () => {
  const { client } = await gateway.createAccount()
  const { id } = await created(client, slowInput({ idempotencyKey: 'k' }))
  // The key still exists, as for a request that read it just before the deletion.
  await gateway.prisma.reportRun.update({ where: { id }, data: { deletedAt: new Date() } })
  const { reportRun, userErrors } = await create(client, slowInput({ idempotencyKey: 'k', label: 'Other' }))
  expect(reportRun).toBeNull()
  expect(userErrors).toEqual([expect.objectContaining({ __typename: 'IdempotencyError', existingRun: null })])
})
