import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import type { GraphqlClient, Variables } from '../../support/graphql-client.ts'
import { insertRun } from '../../support/insert-run.ts'
import {
  cancel,
  created,
  deleteRun,
  retry,
  runFields,
  type ShownRun,
  slowInput,
  update,
} from '../../support/run-mutations.ts'
import { createSlowRun, endOf, slowReport, startOf, storedFiles } from '../../support/slow-report.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport], config: { accountConcurrency: 8 } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function read(client: GraphqlClient, id: string): Promise<ShownRun | null> {
  return (
    await client.request<{ reportRun: ShownRun | null }>(
      `query ($id: ID!) { reportRun(id: $id) { ${runFields} } }`,
      { id },
    )
  ).reportRun
}

/** Creates a run that has ended, and its account. */
async function ended(input = {}): Promise<{ account: TestAccount; client: GraphqlClient; id: string }> {
  const account = await gateway.createAccount()
  const { client } = account
  const { id } = await created(client, slowInput(input))
  await endOf(client, id)
  return { account, client, id }
}

describe('retryReportRun', () => {
  test('creates a new run with the same request, linked to the original', async () => {
    const metadata = { team: 'a' }
    const notes = { label: 'Again', tags: ['x', 'y'], metadata, timeout: 'PT5M', startWithin: 'PT10M' }
    const account = await gateway.createAccount()
    const { client } = account
    const output = { compression: 'GZIP', retention: 'P7D' }
    const first = await created(client, slowInput({ ...notes, output }, { rows: '3' }))
    await endOf(client, first.id)
    const before = await read(client, first.id)
    const { reportRun, wasReused, eventCursor, userErrors } = await retry(client, first.id)
    expect({ wasReused, userErrors }).toEqual({ wasReused: false, userErrors: [] })
    expect(eventCursor).toEqual(expect.any(String))
    expect(reportRun).toMatchObject({
      status: 'PENDING',
      version: 1,
      label: 'Again',
      tags: ['x', 'y'],
      metadata,
      parameters: first.parameters,
      origin: 'RETRY',
      attempt: 2,
      retryOf: { id: first.id },
    })
    expect(first).toMatchObject({ origin: 'API', attempt: 1, retryOf: null })
    expect(await read(client, first.id)).toEqual(before)
    const [one, two] = await Promise.all(
      [first.id, reportRun?.id ?? ''].map((id) =>
        gateway.prisma.reportRun.findUniqueOrThrow({ where: { id } }),
      ),
    )
    for (const field of ['formats', 'compression', 'timeoutMilliseconds', 'retentionMilliseconds'] as const) {
      expect(two?.[field], field).toEqual(one?.[field])
    }
    expect(one).toMatchObject({ compression: 'GZIP', timeoutMilliseconds: 300_000n })
    expect(one?.retentionMilliseconds).toBe(7n * 24n * 60n * 60n * 1000n)
    expect((await endOf(client, reportRun?.id ?? '')).result?.rowCount).toBe('3')
  })

  test('retries a retry and a failed run; the retries of a run are listed newest first', async () => {
    const { client, id } = await (async () => {
      const account = await gateway.createAccount()
      const id = await createSlowRun(account.client, { fails_at: '1' })
      await endOf(account.client, id)
      return { ...account, id }
    })()
    const second = (await retry(client, id)).reportRun?.id ?? ''
    expect((await endOf(client, second)).status).toBe('FAILED')
    const third = (await retry(client, second)).reportRun
    expect(third).toMatchObject({ attempt: 3, retryOf: { id: second }, origin: 'RETRY' })
    const other = (await retry(client, id)).reportRun?.id ?? ''
    const { reportRun } = await client.request<{ reportRun: { retries: object } }>(
      `query ($id: ID!) { reportRun(id: $id) { retries(first: 1) {
        totalCount nodes { id retries { nodes { id } } } pageInfo { hasNextPage } } } }`,
      { id },
    )
    expect(reportRun.retries).toEqual({
      totalCount: 2,
      nodes: [{ id: other, retries: { nodes: [] } }],
      pageInfo: { hasNextPage: true },
    })
  })

  test.each(['PENDING', 'RUNNING', 'CANCELING'] as const)('rejects a run that is %s', async (status) => {
    const account = await gateway.createAccount()
    const run = await insertRun(gateway.prisma, account, { status, reportType: slowReport.name })
    const { reportRun, userErrors } = await retry(account.client, run.id)
    expect(reportRun).toBeNull()
    expect(userErrors).toEqual([
      expect.objectContaining({
        __typename: 'StatusError',
        code: 'WRONG_STATUS',
        path: ['input', 'id'],
        reportRun: { id: run.id, status },
      }),
    ])
    expect(await gateway.prisma.reportRun.count({ where: { accountId: account.accountId } })).toBe(1)
  })

  test('rejects a request that is no longer valid, and an unknown id', async () => {
    const account = await gateway.createAccount()
    const run = await insertRun(gateway.prisma, account, {
      status: 'SUCCEEDED',
      reportType: slowReport.name,
      parameters: { rows: 'many' },
    })
    const { userErrors } = await retry(account.client, run.id)
    expect(userErrors).toEqual([expect.objectContaining({ code: 'INVALID_VALUE', path: ['input', 'id'] })])
    const none = await retry(account.client, 'frr_none')
    expect(none.userErrors).toEqual([expect.objectContaining({ code: 'NOT_FOUND', path: ['input', 'id'] })])
  })
})

describe('updateReportRun', () => {
  test('changes only the given fields, and increments the version with each change', async () => {
    const { client, id } = await ended({ label: 'One', tags: ['a', 'b'], metadata: { k: 'v' } })
    const before = await read(client, id)
    if (!before) throw new Error(`The run ${id} was not found.`)
    const expiresAt = '2100-01-01T00:00:00.000Z'
    const steps: [input: Variables, change: Partial<ShownRun>][] = [
      [{ label: 'Two' }, { label: 'Two' }],
      [{ label: null }, { label: null }],
      [{ tags: ['c', 'c', 'd'] }, { tags: ['c', 'd'] }],
      [{ tags: [] }, { tags: [] }],
      [{ metadata: { other: 'w' } }, { metadata: { other: 'w' } }],
      [{ metadata: {} }, { metadata: {} }],
      [{ expiresAt }, { expiresAt }],
      // A null for a field that cannot be empty changes nothing.
      [{ tags: null, metadata: null, expiresAt: null }, {}],
    ]
    let expected = before
    for (const [input, change] of steps) {
      const { reportRun, userErrors } = await update(client, id, input)
      expect(userErrors).toEqual([])
      const isChanged = Object.keys(change).length > 0
      expected = { ...expected, ...change, version: expected.version + Number(isChanged) }
      expect(reportRun).toEqual(expected)
    }
    expect(await read(client, id)).toEqual(expected)
  })

  test('notifies followers of the log, and the log names the API key', async () => {
    const { account, client, id } = await ended()
    const stream = client.subscribe<{
      reportRunEvents: { __typename: string; run: { label: string; version: number } }
    }>(
      `subscription ($id: ID!, $after: EventCursor) { reportRunEvents(scope: { id: $id }, after: $after) {
        __typename run { label version } } }`,
      {
        id,
        after: (await client.request<{ c: { eventCursor: string } }>('{ c: reportRuns { eventCursor } }')).c
          .eventCursor,
      },
    )
    const next = stream.next()
    const { reportRun } = await update(client, id, { label: 'New' })
    expect((await next).value?.data?.reportRunEvents).toEqual({
      __typename: 'ReportRunSnapshot',
      run: { label: 'New', version: reportRun?.version },
    })
    await stream.return(undefined)
    const event = await gateway.prisma.reportRunEvent.findFirst({
      where: { runId: id, kind: 'UPDATED' },
    })
    expect(event).toMatchObject({ actorId: account.apiKeyId, runVersion: reportRun?.version })
  })

  test.each([
    ['a label that is too long', { label: 'x'.repeat(256) }, ['input', 'label']],
    ['an empty tag', { label: 'New', tags: ['fine', ''] }, ['input', 'tags', '1']],
    ['metadata that is not a string', { label: 'New', metadata: { a: 1 } }, ['input', 'metadata', 'a']],
    ['metadata under a key named id', { metadata: { id: 1 } }, ['input', 'metadata', 'id']],
    ['an end in the past', { label: 'New', expiresAt: '2020-01-01T00:00:00Z' }, ['input', 'expiresAt']],
  ])('rejects %s, and changes nothing', async (_name, input, path) => {
    const { client, id } = await ended({ label: 'Old' })
    const before = await read(client, id)
    const { reportRun, userErrors } = await update(client, id, input)
    expect(reportRun).toBeNull()
    expect(userErrors).toEqual([expect.objectContaining({ code: 'INVALID_VALUE', path })])
    expect(await read(client, id)).toEqual(before)
  })

  test('changes the annotations of a live run, but not the end of its retention', async () => {
    const account = await gateway.createAccount()
    const run = await insertRun(gateway.prisma, account, { reportType: slowReport.name })
    const { userErrors } = await update(account.client, run.id, {
      label: 'New',
      expiresAt: '2100-01-01T00:00:00Z',
    })
    expect(userErrors).toEqual([
      expect.objectContaining({
        code: 'WRONG_STATUS',
        path: ['input', 'id'],
        reportRun: { id: run.id, status: 'PENDING' },
      }),
    ])
    const { reportRun } = await update(account.client, run.id, { label: 'New' })
    expect(reportRun).toMatchObject({ label: 'New', version: run.version + 1, status: 'PENDING' })
  })

  test('does not extend a retention that has expired', async () => {
    const { client, id } = await ended()
    await gateway.prisma.reportRun.update({ where: { id }, data: { expiresAt: new Date(Date.now() - 1) } })
    const { userErrors } = await update(client, id, { expiresAt: '2100-01-01T00:00:00Z' })
    expect(userErrors).toEqual([expect.objectContaining({ code: 'WRONG_STATUS' })])
    expect((await update(client, id, { label: 'Late' })).userErrors).toEqual([])
  })

  test('returns NOT_FOUND for an unknown id', async () => {
    const { client } = await gateway.createAccount()
    const { userErrors } = await update(client, 'frr_none', { label: 'x' })
    expect(userErrors).toEqual([expect.objectContaining({ code: 'NOT_FOUND', path: ['input', 'id'] })])
  })
})

describe('deleteReportRun', () => {
  const seenInQueries = async (client: GraphqlClient, id: string, retryId: string) =>
    client.request<Record<string, unknown>>(
      `query ($id: ID!, $ids: [ID!]!, $retryId: ID!) {
        reportRun(id: $id) { id } node(id: $id) { id } nodes(ids: $ids) { id }
        reportRuns { totalCount nodes { id } }
        retry: reportRun(id: $retryId) { retryOf { id } }
      }`,
      { id, ids: [id, retryId], retryId },
    )

  test('deletes a run with its files; no query returns it, and a row for audit stays', async () => {
    const { account, client, id } = await ended({ label: 'Gone', idempotencyKey: 'k' })
    const retried = (await retry(client, id)).reportRun?.id ?? ''
    const last = await endOf(client, retried)
    const { result } = await endOf(client, id)
    const url = result?.files[0]?.download.url ?? ''
    const fileId = result?.files[0]?.id ?? ''
    expect((await fetch(url)).status).toBe(200)
    const isThere = (file: string) => file.includes(id)
    expect((await storedFiles(gateway.dataDir)).some(isThere)).toBe(true)
    const { reportRuns } = await client.request<{ reportRuns: { eventCursor: string } }>(
      '{ reportRuns { eventCursor } }',
    )

    expect(await deleteRun(client, id)).toEqual({ deletedId: id, userErrors: [] })

    expect((await storedFiles(gateway.dataDir)).some(isThere)).toBe(false)
    expect(existsSync(join(gateway.dataDir, 'files', account.accountId, 'test', id))).toBe(false)
    expect((await fetch(url)).status).toBe(410)
    expect(await seenInQueries(client, id, retried)).toEqual({
      reportRun: null,
      node: null,
      nodes: [null, { id: retried }],
      reportRuns: { totalCount: 1, nodes: [{ id: retried }] },
      retry: { retryOf: null },
    })
    expect(await client.request('query ($id: ID!) { node(id: $id) { id } }', { id: fileId })).toEqual({
      node: null,
    })
    expect((await deleteRun(client, id)).userErrors).toEqual([
      expect.objectContaining({ code: 'NOT_FOUND', path: ['input', 'id'] }),
    ])
    expect((await update(client, id, { label: 'x' })).userErrors[0]?.code).toBe('NOT_FOUND')
    expect((await retry(client, id)).userErrors[0]?.code).toBe('NOT_FOUND')
    expect(
      await client.request(
        'mutation ($id: ID!) { cancelReportRun(input: { id: $id }) { userErrors { code } } }',
        {
          id,
        },
      ),
    ).toEqual({ cancelReportRun: { userErrors: [{ code: 'NOT_FOUND' }] } })

    const fields = '__typename run { id } ... on ReportRunDeleted { runId }'
    const deletion = { __typename: 'ReportRunDeleted', run: null, runId: id }
    const page = await client.request<{ reportRunEvents: { nodes: unknown[] } }>(
      `query ($after: EventCursor) { reportRunEvents(after: $after) { nodes { ${fields} } } }`,
      { after: reportRuns.eventCursor },
    )
    expect(page.reportRunEvents.nodes).toEqual([deletion])
    const stream = client.subscribe<{ reportRunEvents: unknown }>(
      `subscription ($after: EventCursor) { reportRunEvents(after: $after) { ${fields} } }`,
      { after: reportRuns.eventCursor },
    )
    expect((await stream.next()).value?.data?.reportRunEvents).toEqual(deletion)
    await stream.return(undefined)

    const row = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id } })
    expect(row).toMatchObject({ deletedAt: expect.any(Date), status: 'SUCCEEDED' })
    expect(last.status).toBe('SUCCEEDED')
  })

  test('removes a deleted retry from the retries of the original run', async () => {
    const { client, id } = await ended()
    const retried = (await retry(client, id)).reportRun?.id ?? ''
    await endOf(client, retried)
    await deleteRun(client, retried)
    expect(
      await client.request(
        'query ($id: ID!) { reportRun(id: $id) { retries { totalCount nodes { id } } } }',
        {
          id,
        },
      ),
    ).toEqual({ reportRun: { retries: { totalCount: 0, nodes: [] } } })
  })

  test('notifies a live follower of the log', async () => {
    const { client, id } = await ended()
    const events = client.subscribe<{ reportRunEvents: { runId: string } }>(
      `subscription ($id: ID!, $after: EventCursor) { reportRunEvents(scope: { id: $id }, after: $after) {
        ... on ReportRunDeleted { runId } } }`,
      {
        id,
        after: (await client.request<{ c: { eventCursor: string } }>('{ c: reportRuns { eventCursor } }')).c
          .eventCursor,
      },
    )
    const next = events.next()
    await deleteRun(client, id)
    expect((await next).value?.data?.reportRunEvents).toEqual({ runId: id })
    await events.return(undefined)
    const gone = client.subscribe('subscription ($id: ID!) { reportRun(id: $id) { id } }', { id })
    await expect(gone.next()).rejects.toEqual([
      expect.objectContaining({ message: `There is no report run "${id}".` }),
    ])
  })

  test('rejects a live run, and keeps it', async () => {
    const { client } = await gateway.createAccount()
    const id = await createSlowRun(client, { count_seconds: '20' })
    await startOf(client, id)
    const { deletedId, userErrors } = await deleteRun(client, id)
    expect(deletedId).toBeNull()
    expect(userErrors).toEqual([
      expect.objectContaining({
        __typename: 'StatusError',
        code: 'WRONG_STATUS',
        reportRun: { id, status: 'RUNNING' },
      }),
    ])
    await cancel(client, id)
    expect((await endOf(client, id)).status).toBe('CANCELED')
    expect((await deleteRun(client, id)).deletedId).toBe(id)
  })

  test('only one of several concurrent calls deletes the run; a later change finds no run', async () => {
    const { client, id } = await ended()
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => deleteRun(client, id)),
      ...Array.from({ length: 5 }, (_, i) => update(client, id, { label: `${i}` })),
    ])
    expect(answers.filter((answer) => 'deletedId' in answer && answer.deletedId === id)).toHaveLength(1)
    for (const { userErrors } of answers) {
      expect(userErrors.every(({ code }) => code === 'NOT_FOUND')).toBe(true)
    }
    const events = await gateway.prisma.reportRunEvent.findMany({
      where: { runId: id },
      orderBy: { position: 'asc' },
    })
    expect(events.filter(({ kind }) => kind === 'DELETED')).toHaveLength(1)
    expect(events.at(-1)?.kind).toBe('DELETED')
  })

  test('a change that waits for the deletion finds no run afterwards', async () => {
    const { client, id } = await ended({ label: 'Old' })
    const waits = async (): Promise<number> => {
      const rows = await gateway.database.query(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return rows.length
    }
    const late = await gateway.prisma.$transaction(async (tx) => {
      await tx.reportRun.update({ where: { id }, data: { deletedAt: new Date() } })
      const answer = update(client, id, { label: 'Late' })
      await expect.poll(waits, { interval: 10 }).toBeGreaterThan(0)
      // Wrapped, because the answer arrives only after the commit.
      return { answer }
    })
    expect((await late.answer).userErrors[0]?.code).toBe('NOT_FOUND')
    expect(await gateway.prisma.reportRun.findUnique({ where: { id } })).toMatchObject({ label: 'Old' })
  })
})
