import fc from 'fast-check'
import {
  type GraphQLField,
  getNamedType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  Kind,
  parse,
} from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readRunSelection } from '../../../src/graphql/schema/runs/run-selection.ts'
import { schema } from '../../../src/graphql/schema.ts'
import { idPrefixes, newId } from '../../../src/ids.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway' } })
  account = await gateway.createAccount()
  const at = new Date('2026-11-01T10:00:00.123Z')
  const ended: NonNullable<Parameters<typeof insertRun>[2]> = {
    createdAt: at,
    queuedAt: at,
    startedAt: new Date(at.getTime() + 1_000),
    finishedAt: new Date(at.getTime() + 5_000),
    runMilliseconds: 4_000n,
    label: 'A',
    tags: ['a', 'b'],
    metadata: { a: 1 },
    parameters: { columns: ['x'], timezone: 'UTC' },
    formats: ['JSONL'],
    version: 7,
    measuredAt: at,
    rowsWritten: 3n,
    percent: 50,
    traceId: 'f'.repeat(32),
  }
  const result = {
    rowCount: 3n,
    byteSize: 9n,
    isPartial: true,
    dataAsOf: at,
    expiresAt: new Date('2099-01-01'),
  }
  const first = await insertRun(gateway.prisma, account, { ...ended, ...result, status: 'SUCCEEDED' })
  const failure = {
    failureCode: 'UPSTREAM_ERROR',
    failureMessage: 'No.',
    failureIsRetryable: true,
    failurePath: ['a'],
  }
  const retry = { origin: 'RETRY', attempt: 2, retryOfId: first.id } as const
  await insertRun(gateway.prisma, account, { ...ended, ...failure, ...retry, status: 'FAILED' })
  const cancellation = { cancelRequestedAt: at, cancelRequestedById: account.apiKeyId, cancelReason: 'No.' }
  await insertRun(gateway.prisma, account, { ...ended, ...cancellation, status: 'CANCELED' })
  const { accountId, livemode } = account
  await gateway.prisma.reportFile.create({
    data: {
      id: newId(idPrefixes.file, at),
      accountId,
      livemode,
      runId: first.id,
      filename: 'a.jsonl',
      format: 'JSONL',
      compression: 'NONE',
      rowCount: 3n,
      byteSize: 9n,
      sha256: '0'.repeat(64),
      createdAt: at,
    },
  })
})
afterAll(() => gateway[Symbol.asyncDispose]())

type Field = GraphQLField<unknown, unknown>

/** The field with everything below it, without its connections and what changes with time; null when nothing is left. */
function select({ name, type, args }: Field, depth: number): string | null {
  if (args.some(isRequiredArgument) || name === 'download') return null
  const named = getNamedType(type)
  if (isLeafType(named)) return name
  if (depth === 0 || named.name.endsWith('Connection') || !(isObjectType(named) || isInterfaceType(named)))
    return null
  const below = Object.values(named.getFields()).flatMap((field) => select(field, depth - 1) ?? [])
  return below.length === 0 ? null : `${name} { ${below.join(' ')} }`
}

function fieldsOf(typename: string, depth: number): string[] {
  const type = schema.getType(typename)
  if (!isObjectType(type)) throw new Error(`${typename} is not an object type.`)
  return Object.values(type.getFields()).flatMap((field) => select(field, depth) ?? [])
}

const runFields = ['__typename', ...fieldsOf('ReportRun', 2), '... on Node { id }']
const resultFields = fieldsOf('ReportResult', 1).map((field) => `result { ${field} }`)

type Run = Record<string, unknown> & { id: string }

async function expectSameAsById(selected: readonly string[]): Promise<void> {
  const set = `{ id ${selected.join(' ')} }`
  type Listed = { reportRuns: { nodes: Run[]; edges: { node: Run }[] } }
  const { reportRuns } = await account.client.request<Listed>(
    `{ reportRuns { nodes ${set} edges { node ${set} } } }`,
  )
  expect(reportRuns.nodes).toHaveLength(3)
  for (const [index, run] of reportRuns.nodes.entries()) {
    const query = `query ($id: ID!) { reportRun(id: $id) ${set} }`
    const { reportRun } = await account.client.request<{ reportRun: Run }>(query, { id: run.id })
    expect(run).toEqual(reportRun)
    expect(reportRuns.edges[index]?.node).toEqual(reportRun)
  }
}

test.each([...runFields, ...resultFields])('a list shows %s as the run itself does', async (field) => {
  await expectSameAsById([field])
})

test('a list shows any fields as the run itself does', async () => {
  const fields = fc.subarray([...runFields, ...resultFields], { minLength: 2, maxLength: 6 })
  await fc.assert(fc.asyncProperty(fields, expectSameAsById), { numRuns: 15 })
})

test.each([
  ['nodes { id status }', { withCursor: false, withFiles: false, onlyUsual: true }],
  ['totalCount pageInfo { endCursor } eventCursor', { withCursor: true, withFiles: false, onlyUsual: true }],
  ['nodes { id } edges { node { parameters } }', { withCursor: false, withFiles: false, onlyUsual: false }],
  ['edges { node { result { files { id } } } }', { withCursor: false, withFiles: true, onlyUsual: true }],
  ['nodes { result { rows { rows } } }', { withCursor: false, withFiles: true, onlyUsual: false }],
  ['...Page', { withCursor: true, withFiles: true, onlyUsual: false }],
  [
    '... on ReportRunConnection { nodes { ... { queue { position } } } }',
    { withCursor: false, withFiles: false, onlyUsual: false },
  ],
])('a selection of %s reads what it needs', (selected, expected) => {
  const { definitions } = parse(`query { reportRuns { ${selected} } }
    fragment Page on ReportRunConnection { eventCursor @skip(if: true) nodes { ...Run } }
    fragment Run on ReportRun { metadata result { ...Result } }
    fragment Result on ReportResult { files { id } }`)
  const fragments = Object.fromEntries(
    definitions.flatMap((one) => (one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one]] : [])),
  )
  const fieldNodes = definitions.flatMap((one) =>
    one.kind === Kind.OPERATION_DEFINITION
      ? one.selectionSet.selections.filter((selection) => selection.kind === Kind.FIELD)
      : [],
  )
  expect(readRunSelection({ fieldNodes, fragments })).toEqual(expected)
})
