import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  buildClientSchema,
  extendSchema,
  type GraphQLSchema,
  getIntrospectionQuery,
  type IntrospectionQuery,
  parse,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { idPrefixes, newId } from '../../src/ids.ts'
import { encodeEventCursor } from '../../src/runs/follow/event-log.ts'
import { encodeRunCursor } from '../../src/runs/list/order.ts'
import { tenantOf } from '../../src/tenant.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { createGraphqlClient, type GraphqlResult } from '../support/graphql-client.ts'
import { insertRun } from '../support/insert-run.ts'
import { listPage, orderFields } from '../support/run-list.ts'
import { created, retry, slowInput, update } from '../support/run-mutations.ts'
import { createdSchedule, yearly } from '../support/schedules.ts'
import { allQuestions, type Kind, type Knowledge, type Question } from '../support/schema-questions.ts'
import { endOf, slowReport } from '../support/slow-report.ts'

type Owned = {
  account: TestAccount
  /** Values of the account, by kind of argument. */
  values: Record<Kind, string[]>
  /** Texts that no other tenant can read. */
  secrets: string[]
  run: string
  schedule: string
  file: string
  link: string
}

const cleanup = new AsyncDisposableStack()
let gateway: TestGateway
let schema: GraphQLSchema
let own: Owned
/** Data that the viewer must not see: of other accounts, and of its own account in the other mode. */
let foreign: Owned[]
let questions: Question[]

async function eventCursors({ client }: TestAccount): Promise<string[]> {
  const { reportRunEvents, reportRuns } = await client.request<{
    reportRunEvents: { nodes: { cursor: string }[]; eventCursor: string }
    reportRuns: { eventCursor: string }
  }>('{ reportRunEvents { nodes { cursor } eventCursor } reportRuns { eventCursor } }')
  const [first] = reportRunEvents.nodes
  return [...new Set([first?.cursor ?? '', reportRunEvents.eventCursor, reportRuns.eventCursor])]
}

async function listCursors({ client }: TestAccount): Promise<string[]> {
  const pages = await Promise.all(
    orderFields.map((field) => listPage(client, { first: 100 }, {}, { field, direction: 'ASC' })),
  )
  return pages.flatMap(({ edges }) => edges.map(({ cursor }) => cursor))
}

/** Creates an account with one object of each kind; `word` is part of every name. */
async function makeOwned(word: string, options: { livemode: boolean; accountId?: string }): Promise<Owned> {
  const account = await gateway.createAccount(options)
  const { client } = account
  const notes = {
    label: `label ${word}`,
    tags: [`tag-${word}`],
    metadata: { [`name-${word}`]: `value ${word}` },
  }
  const { id: run } = await created(client, slowInput({ ...notes, idempotencyKey: `key ${word}` }))
  const file = (await endOf(client, run)).result?.files[0]
  if (!file) throw new Error(`The run ${run} has no file.`)
  const retried = await retry(client, run, `retry ${word}`)
  const retryId = retried.reportRun?.id ?? ''
  await endOf(client, retryId)
  await update(client, run, { label: `new label ${word}` })
  const fields = { reportType: slowReport.name, label: `label ${word}`, tags: [`tag-${word}`] }
  const { id: waiting } = await insertRun(gateway.prisma, account, fields)
  const { id: running } = await insertRun(gateway.prisma, account, { ...fields, status: 'RUNNING' })
  const schedule = await createdSchedule(client, { label: `label ${word}`, tags: [`tag-${word}`] })
  await gateway.prisma.reportRun.update({ where: { id: waiting }, data: { scheduleId: schedule } })
  const ids = [run, retryId, waiting, running, schedule, file.id, account.apiKeyId]
  const values: Record<Kind, string[]> = {
    id: ids,
    eventCursor: await eventCursors(account),
    listCursor: await listCursors(account),
    tag: [`tag-${word}`],
    idempotencyKey: [`key ${word}`, `retry ${word}`],
  }
  return { account, values, secrets: [...ids, word], run, schedule, file: file.id, link: file.download.url }
}

function prefixOf(id: string) {
  return Object.values(idPrefixes).find((prefix) => id.startsWith(`${prefix}_`)) ?? idPrefixes.reportRun
}

/** Returns values of the same forms that do not exist. */
function absentValues(like: Record<Kind, string[]>): Record<Kind, string[]> {
  const now = new Date()
  const account = { accountId: newId(idPrefixes.account, now), livemode: false }
  const run = () => newId(idPrefixes.reportRun, now)
  return {
    id: like.id.map((id) => newId(prefixOf(id), now)),
    eventCursor: like.eventCursor.map(() =>
      encodeEventCursor(account, {
        position: 1n,
        snapshotsAfter: null,
        anchor: { epoch: '00000000', print: '00000000' },
      }),
    ),
    listCursor: like.listCursor.map((cursor) => {
      const [field, , value] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
      return encodeRunCursor({ field, id: run(), value })
    }),
    tag: like.tag.map(() => 'tag-none'),
    idempotencyKey: like.idempotencyKey.map((_, i) => `none ${i} ${run()}`),
  }
}

function knowledgeOf({ run, schedule, file }: Owned): Knowledge {
  return {
    required: {
      ID: run,
      ReportInput: slowInput().report,
      ScheduledReportInput: slowInput().report,
      ReportTriggerInput: yearly,
      OrderDirection: 'ASC',
      ReportRunOrderField: 'CREATED_AT',
    },
    beside: {
      UpdateReportRunInput: { label: 'Mine' },
      UpdateReportScheduleInput: { label: 'Mine' },
    },
    reach: {
      ReportRun: `reportRun(id: "${run}") { FIELD }`,
      ReportSchedule: `node(id: "${schedule}") { ... on ReportSchedule { FIELD } }`,
      ReportFile: `node(id: "${file}") { ... on ReportFile { FIELD } }`,
      ReportResult: `reportRun(id: "${run}") { result { FIELD } }`,
    },
  }
}

/** Returns the account with a client and a link of the current gateway. */
async function moved(owned: Owned): Promise<Owned> {
  const client = createGraphqlClient(gateway.url, owned.account.key)
  const { node } = await client.request<{ node: { download: { url: string } } }>(
    'query ($id: ID!) { node(id: $id) { ... on ReportFile { download { url } } } }',
    { id: owned.file },
  )
  return { ...owned, account: { ...owned.account, client }, link: node.download.url }
}

beforeAll(async () => {
  const database = cleanup.use(await createTestDatabase())
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }))
  const options = { reportTypes: [slowReport], database, dataDir }
  gateway = await startTestGateway(options)
  const testMode = { livemode: false }
  const mine = await makeOwned('ownword', testMode)
  const theirs = [
    await makeOwned('modeword', { livemode: true, accountId: mine.account.accountId }),
    await makeOwned('otherword', testMode),
    await makeOwned('liveword', { livemode: true }),
  ]
  await gateway[Symbol.asyncDispose]()
  // Without a worker, data changes only through the API.
  const documents = {
    ...{ depth: 99, aliases: 99_999, directives: 99, tokens: 999_999 },
    cost: 1e12,
  }
  gateway = cleanup.use(
    await startTestGateway({ ...options, config: { role: 'gateway', accountConcurrency: 1, documents } }),
  )
  own = await moved(mine)
  foreign = await Promise.all(theirs.map(moved))
  schema = buildClientSchema(
    await own.account.client.request<IntrospectionQuery>(getIntrospectionQuery({ oneOf: true })),
  )
  questions = allQuestions(schema, knowledgeOf(own))
})
afterAll(() => cleanup.disposeAsync())

/** Returns an answer without the values that differ each time: ids, times and numbers that are not 0. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((part) => JSON.stringify(shapeOf(part))))].sort()
  if (typeof value === 'number') return value === 0 ? 0 : 'some'
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shapeOf(part)]))
  }
  if (typeof value !== 'string') return value
  return value
    .replaceAll(/\b(frr|frs|key|file|acct)_[0-9a-z]{25}/g, 'ID')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/^PT[\d.HMS]+$/g, 'SPAN')
    .replaceAll(/[\w-]{30,}/g, 'TOKEN')
    .replaceAll(/^(PENDING|RUNNING|SUCCEEDED)$/g, 'STATUS')
}

/** Returns the answer with the requested value masked, because an answer can repeat it. */
async function ask(
  { document, variables }: Question,
  { client }: TestAccount,
  value: string,
): Promise<string> {
  return JSON.stringify(await client.execute(document, variables(value)))
    .replaceAll(JSON.stringify(JSON.stringify(value)).slice(1, -1), 'ASKED')
    .replaceAll(JSON.stringify(value).slice(1, -1), 'ASKED')
}

/** Returns all rows of an account and mode, from all tables that have some. */
async function rowsOf({ account: { accountId, livemode } }: Owned): Promise<unknown> {
  const where = { accountId, livemode }
  const { prisma } = gateway
  return {
    runs: await prisma.reportRun.findMany({ where, orderBy: { id: 'asc' } }),
    files: await prisma.reportFile.findMany({ where, orderBy: { id: 'asc' } }),
    events: await prisma.reportRunEvent.findMany({ where, orderBy: { position: 'asc' } }),
    heads: await prisma.eventLogHead.findMany({ where }),
    schedules: await prisma.reportSchedule.findMany({ where, orderBy: { id: 'asc' } }),
    idempotencyKeys: await prisma.idempotencyKey.findMany({ where, orderBy: { key: 'asc' } }),
    counts: await prisma.dailyRunCount.findMany({ where }),
    // Their owners use the keys, too.
    apiKeys: await prisma.apiKey.findMany({ where, orderBy: { id: 'asc' }, omit: { lastUsedAt: true } }),
  }
}

function expectNothingOf({ secrets }: Owned, answer: string, why: string): void {
  for (const secret of secrets) {
    if (answer.includes(secret)) throw new Error(`${why}: the answer contains ${secret}:\n${answer}`)
  }
}

describe('the questions', () => {
  test('cover every argument that takes an id, a cursor, a tag or an idempotency key', () => {
    const names = questions.map(({ operation, name }) => `${operation} ${name}`)
    expect(names.sort()).toEqual([
      'mutation cancelReportRun(input.id)',
      'mutation createReportRun(input.idempotencyKey)',
      'mutation deleteReportRun(input.id)',
      'mutation deleteReportSchedule(input.id)',
      'mutation retryReportRun(input.id)',
      'mutation retryReportRun(input.idempotencyKey)',
      'mutation updateReportRun(input.id)',
      'mutation updateReportSchedule(input.id)',
      'query ReportResult.rows(after)',
      'query ReportRun.events(after)',
      'query ReportRun.retries(after)',
      'query ReportRun.retries(before)',
      'query ReportSchedule.runs(after)',
      'query ReportSchedule.runs(before)',
      'query node(id)',
      'query nodes(ids)',
      'query reportRun(id)',
      'query reportRunEvents(after)',
      'query reportRunEvents(scope.filter.allTags)',
      'query reportRunEvents(scope.filter.anyTags)',
      'query reportRunEvents(scope.filter.requestedByIds)',
      'query reportRunEvents(scope.id)',
      'query reportRuns(after)',
      'query reportRuns(before)',
      'query reportRuns(filter.allTags)',
      'query reportRuns(filter.anyTags)',
      'query reportRuns(filter.requestedByIds)',
      'query reportSchedule(id)',
      'query reportSchedules(after)',
      'query reportSchedules(before)',
      'query reportTypes(after)',
      'query reportTypes(before)',
      'subscription reportRun(id)',
      'subscription reportRunEvents(after)',
      'subscription reportRunEvents(scope.filter.allTags)',
      'subscription reportRunEvents(scope.filter.anyTags)',
      'subscription reportRunEvents(scope.filter.requestedByIds)',
      'subscription reportRunEvents(scope.id)',
    ])
  })

  test.each([
    ['an argument', 'extend type Query { audit(handle: String): String }', 'audit has the argument handle'],
    ['a scalar', 'scalar Handle extend type Query { audit(of: Handle): String }', 'of type Handle'],
    ['a field of an input', 'extend input ReportRunFilterInput { owner: String }', 'filter.owner'],
    ['a field of a mutation', 'extend input UpdateReportRunInput { link: String }', 'input.link'],
    [
      'an object with arguments',
      'type Audit { runs(after: String): Int } extend type Query { audit: Audit }',
      'Audit.runs has arguments',
    ],
    [
      'a field that needs arguments',
      'type Audit { runs(first: Int!): Int } extend type Query { audit: Audit }',
      'Audit.runs',
    ],
    ['a required argument', 'extend type Query { audit(id: ID!, at: DateTime!): String }', 'audit needs at'],
    ['an id among parameters', 'extend input ReportByNameInput { owner: ID }', 'a report with owner'],
  ])('fail for %s that the generator does not know', (_name, extension, sentence) => {
    // Validation would reject extensions of an introspected schema, which does not matter here.
    const extended = extendSchema(schema, parse(extension), { assumeValid: true })
    const make = () => allQuestions(extended, knowledgeOf(own))
    expect(make).toThrow(sentence)
    expect(make).toThrow(/Add it to test\/(support\/schema-questions|auth\/tenancy\.test)\.ts/)
  })
})

function operations(operation: Question['operation']): Question[] {
  return questions.filter((question) => question.operation === operation)
}

// Queries run first, because lists show what mutations create.
describe.each(['query', 'mutation'] as const)('every %s', (operation) => {
  test('treats values of other tenants like values that do not exist, and changes no data of other tenants', async () => {
    const before = await Promise.all(foreign.map(rowsOf))
    for (const question of operations(operation)) {
      for (const other of foreign) {
        const theirs = other.values[question.kind]
        const absent = absentValues(other.values)[question.kind]
        for (const [i, value] of theirs.entries()) {
          const answer = await ask(question, own.account, value)
          const expected = await ask(question, own.account, absent[i] ?? '')
          // The viewer has now used this key, and the next question would find it.
          await gateway.prisma.idempotencyKey.deleteMany({ where: { ...tenantOf(own.account), key: value } })
          const why = `${question.name} with ${value}`
          for (const hidden of foreign) expectNothingOf(hidden, answer, why)
          expect(shapeOf(JSON.parse(answer)), why).toEqual(shapeOf(JSON.parse(expected)))
        }
      }
    }
    expect(await Promise.all(foreign.map(rowsOf))).toEqual(before)
  }, 120_000)
})

test('values of the own tenant get other answers than absent values, so the questions are meaningful', async () => {
  const forMany = operations('query').filter(({ name }) => !name.startsWith('reportTypes'))
  const absent = absentValues(own.values)
  for (const question of forMany) {
    const answers = await Promise.all(
      own.values[question.kind].map(async (value, i) => [
        await ask(question, own.account, value),
        await ask(question, own.account, absent[question.kind][i] ?? ''),
      ]),
    )
    const isList = question.kind === 'listCursor'
    expect(isList || answers.some(([found, missing]) => found !== missing), question.name).toBe(true)
  }
})

/** Returns the results of a subscription until the signal aborts, including errors. */
async function listen(
  { document, variables }: Question,
  { client }: TestAccount,
  value: string,
  signal: AbortSignal,
): Promise<GraphqlResult<unknown>[]> {
  const results: GraphqlResult<unknown>[] = []
  try {
    for await (const result of client.subscribe(document, variables(value), signal)) results.push(result)
  } catch (error) {
    if (!signal.aborted) results.push({ errors: [{ message: JSON.stringify(error) }] })
  }
  return results
}

/**
 * Changes each run of the account. Resolves when the account's own subscriptions have delivered the changes: other
 * subscriptions would have delivered them by then, too.
 */
async function changeRuns({ account: { client }, values }: Owned, signal: AbortSignal): Promise<void> {
  const document = `subscription ($id: ID!, $after: EventCursor) {
    reportRunEvents(scope: { id: $id }, after: $after) { run { label } } }`
  const change = async (id: string): Promise<void> => {
    const events = client.subscribe<{ reportRunEvents: { run: { label: string } | null } }>(
      document,
      { id, after: values.eventCursor.at(-1) },
      signal,
    )
    const next = events.next()
    await update(client, id, { label: `pushed ${id}` })
    let event = await next
    while (event.value?.data?.reportRunEvents.run?.label !== `pushed ${id}`) event = await events.next()
  }
  await Promise.all(values.id.filter((id) => prefixOf(id) === idPrefixes.reportRun).map(change))
}

test('no subscription delivers data of other tenants while they change the runs that it asked for', async () => {
  for (const other of foreign) {
    const closing = new AbortController()
    const listenAll = (values: Owned['values']) =>
      operations('subscription').flatMap((question) =>
        values[question.kind].map((value) => listen(question, own.account, value, closing.signal)),
      )
    const ofTheirs = listenAll(other.values)
    const ofAbsent = listenAll(absentValues(other.values))
    await changeRuns(other, closing.signal).finally(() => closing.abort())
    const [theirs, absent] = [await Promise.all(ofTheirs), await Promise.all(ofAbsent)]
    for (const hidden of foreign) {
      const received = theirs.flat().map(({ data }) => data ?? null)
      expectNothingOf(hidden, JSON.stringify(received), 'A subscription')
    }
    const errorCounts = (results: GraphqlResult<unknown>[][]) =>
      results.map((all) => all.map(({ errors }) => errors?.length))
    expect(errorCounts(theirs)).toEqual(errorCounts(absent))
  }
}, 120_000)

test('a link opens only its own file', async () => {
  expect((await fetch(own.link)).status).toBe(200)
  for (const { file, link } of foreign) {
    expect((await fetch(own.link.replace(own.file, file))).status).toBe(403)
    expect((await fetch(link.replace(file, own.file))).status).toBe(403)
  }
})

describe('lists', () => {
  test('contain no runs of other tenants, on any page, in any order and after any of their cursors', async () => {
    const { client } = own.account
    for (const field of orderFields) {
      for (const direction of ['ASC', 'DESC'] as const) {
        const order = { field, direction }
        const seen = await listPage(client, { first: 100 }, {}, order)
        const mine = seen.edges.map(({ node }) => node.id)
        for (const { account } of foreign) {
          const theirs = await listPage(account.client, { first: 100 }, {}, order)
          for (const { cursor } of theirs.edges) {
            const after = await listPage(client, { first: 100, after: cursor }, {}, order)
            const before = await listPage(client, { last: 100, before: cursor }, {}, order)
            const found = [...before.edges, ...after.edges].map(({ node }) => node.id)
            expect(found.toSorted()).toEqual(mine.toSorted())
          }
        }
      }
    }
  })

  test('count no runs of other tenants, with any filter', async () => {
    const requestedByIds = foreign.map(({ account }) => account.apiKeyId)
    const count = async (filter: object): Promise<number> => {
      const { reportRuns } = await own.account.client.request<{ reportRuns: { totalCount: number } }>(
        'query ($filter: ReportRunFilterInput) { reportRuns(filter: $filter) { totalCount } }',
        { filter },
      )
      return reportRuns.totalCount
    }
    const { accountId, livemode, apiKeyId } = own.account
    const mine = await gateway.prisma.reportRun.count({ where: { accountId, livemode, deletedAt: null } })
    expect(await count({})).toBe(mine)
    expect(await count({ reportTypes: [slowReport.name] })).toBe(mine)
    expect(await count({ requestedByIds })).toBe(0)
    expect(await count({ requestedByIds: [...requestedByIds, apiKeyId] })).toBe(mine)
  })
})
