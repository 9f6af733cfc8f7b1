import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import {
  type DocumentNode,
  KnownDirectivesRule,
  NoUnusedFragmentsRule,
  type OperationDefinitionNode,
  parse,
  print,
  separateOperations,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql'
import pg from 'pg'
import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { openEmbeddedPostgres } from '../../src/postgres/embedded/embedded-postgres.ts'
import { documentationPages, type FencedBlock, readFencedBlocks } from '../support/fenced-blocks.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { createGraphqlClient, type GraphqlClient, type Variables } from '../support/graphql-client.ts'
import { endOf } from '../support/slow-report.ts'

const root = join(import.meta.dirname, '..', '..')
const blocks = await readFencedBlocks(await documentationPages())

function blocksIn(...languages: string[]): FencedBlock[] {
  return blocks.filter(({ language, notRun }) => languages.includes(language) && notRun === null)
}

/** A folder that looks like a clone in which `npm start` has been running, but writes into none of its folders. */
let clone: string
let gateway: GatewayProcess
let url: string
let client: GraphqlClient

beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), 'report-gateway-docs-'))
  for (const name of await readdir(root)) {
    if (!['.git', '.data'].includes(name)) await symlink(join(root, name), join(clone, name))
  }
  const dataDir = join(clone, '.data')
  await makeOrders(dataDir)
  gateway = spawnGateway({ DATA_DIR: dataDir, REPORTS_DIR: await writeCustomReport() })
  url = await gateway.ready()
  const { test: key } = JSON.parse(await readFile(join(dataDir, 'keys.json'), 'utf8'))
  client = createGraphqlClient(url, key)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(clone, { recursive: true, force: true })
})

describe('GraphQL documents', () => {
  const documents = blocksIn('graphql').flatMap((block) =>
    Object.values(separateOperations(parse(block.text))).map((document) => ({ ...block, document })),
  )

  test('are there', () => {
    expect(documents.length).toBeGreaterThan(25)
  })

  test.each(documents)('$file:$line gives what it asks for', async ({ file, document }) => {
    expect(validate(schema, document)).toEqual([])
    const operation = operationOf(document)
    const variables = await variablesFor(file, operation)
    if (print(document).includes('cancelReportRun')) variables.id = await createRun({ startsLater: true })
    const data =
      operation.operation === 'subscription'
        ? await firstOf(print(document), variables)
        : await client.request<Record<string, { userErrors?: unknown[] } | null>>(print(document), variables)
    for (const value of Object.values(data ?? {})) expect(value?.userErrors ?? []).toEqual([])
  })

  // Relay's own directives are not part of the schema, and a fragment of Relay stands alone.
  const left: readonly ValidationRule[] = [KnownDirectivesRule, NoUnusedFragmentsRule]
  const rules = specifiedRules.filter((rule) => !left.includes(rule))

  test.each(blocksIn('ts', 'tsx'))('in the program at $file:$line fit the schema', ({ text }) => {
    const embedded = [
      ...text.matchAll(/graphql`(.*?)`/gs),
      ...text.matchAll(/'((?:query|mutation|subscription)\b[^']*\{[^']*)'/g),
    ]
    for (const [, document = ''] of embedded) {
      const errors = validate(schema, parse(document), rules)
      // A variable of `@argumentDefinitions` is declared by a directive that only Relay knows.
      expect(
        errors.filter(
          ({ message }) => !document.includes('@argumentDefinitions') || !/Variable/.test(message),
        ),
      ).toEqual([])
    }
  })
})

describe('shell commands', () => {
  const pages = Map.groupBy(blocksIn('sh'), ({ file }) => file)

  test('are there', () => {
    expect(pages.size).toBeGreaterThan(4)
  })

  // One shell runs a page from its beginning to its end, as a reader does.
  test.each([...pages])('of %s run as written', async (_page, commands) => {
    const script = commands.map(({ text }) => text).join('\n')
    const { stdout } = await promisify(execFile)('bash', ['-euc', script], {
      cwd: clone,
      env: { ...process.env, PORT: new URL(url).port },
      timeout: 90_000,
    })
    expect(stdout).not.toMatch(/"errors":|"userErrors":\[\{/)
  })
})

/** The table of the page about custom reports. */
async function makeOrders(dataDir: string): Promise<void> {
  const postgres = await openEmbeddedPostgres({ dataDir })
  const database = new pg.Client({ connectionString: postgres.url })
  await database.connect()
  await database.query(`
    create schema shop;
    create table shop.orders (
      id bigint, account_id text, livemode boolean, placed_at timestamptz, total numeric, currency text
    );
    create role report_gateway_reader login;
    grant usage on schema shop to public;
    grant select on shop.orders to public`)
  await database.end()
  await postgres.close()
}

/** The report that the page about custom reports shows, in a folder of its own. */
async function writeCustomReport(): Promise<string> {
  const folder = join(clone, 'custom')
  const report = blocks.find(({ language, text }) => language === 'sql' && text.includes('/*---'))
  if (!report) throw new Error('No page shows a custom report.')
  await mkdir(folder)
  await writeFile(join(folder, 'orders.sql'), report.text)
  return folder
}

function operationOf(document: DocumentNode): OperationDefinitionNode {
  const operation = document.definitions.find((definition) => definition.kind === 'OperationDefinition')
  if (operation?.kind !== 'OperationDefinition') throw new Error('The block holds no operation.')
  return operation
}

const balanceSummary1 = { balanceSummary1: { interval: { relative: 'PREVIOUS_MONTH' } } }

/** Values for the variables of an operation: objects that were made for it. */
async function variablesFor(file: string, operation: OperationDefinitionNode): Promise<Variables> {
  const names = (operation.variableDefinitions ?? []).map(({ variable }) => variable.name.value)
  const makeId = dirname(file) === 'docs' && file.includes('schedules') ? createSchedule : createFinishedRun
  const values: Record<string, () => unknown> = {
    id: makeId,
    ids: async () => [await createFinishedRun()],
    key: randomUUID,
    input: () => ({ report: balanceSummary1 }),
    after: () => null,
  }
  const entries = names.map(async (name) => [name, await values[name]?.()] as const)
  return Object.fromEntries(await Promise.all(entries))
}

async function createRun({ startsLater = false } = {}): Promise<string> {
  const now = Temporal.Now.instant()
  const between = { start: now.subtract({ hours: 72 }).toString(), end: now.add({ hours: 24 }).toString() }
  const report = startsLater ? { balanceSummary1: { interval: { between } } } : balanceSummary1
  const { createReportRun } = await client.request<{ createReportRun: { reportRun: { id: string } } }>(
    'mutation ($input: CreateReportRunInput!) { createReportRun(input: $input) { reportRun { id } } }',
    // The subscriptions of the pages follow runs with this tag.
    { input: { report, tags: ['monthly'], waitForData: startsLater } },
  )
  return createReportRun.reportRun.id
}

async function createFinishedRun(): Promise<string> {
  const { id, status } = await endOf(client, await createRun())
  expect(status).toBe('SUCCEEDED')
  return id
}

async function createSchedule(): Promise<string> {
  const { createReportSchedule } = await client.request<{
    createReportSchedule: { reportSchedule: { id: string } }
  }>(
    `mutation ($input: CreateReportScheduleInput!) {
      createReportSchedule(input: $input) { reportSchedule { id } }
    }`,
    {
      input: {
        report: { balanceSummary1: { interval: 'PREVIOUS_MONTH' } },
        trigger: { cron: { expression: '0 6 1 * *' } },
      },
    },
  )
  return createReportSchedule.reportSchedule.id
}

/** The first message of a subscription, while runs are created until it comes. */
async function firstOf(document: string, variables: Variables): Promise<Record<string, never>> {
  const messages = client.subscribe<Record<string, never>>(document, variables)
  const first = messages.next()
  let hasCome = false
  void first.finally(() => {
    hasCome = true
  })
  while (!hasCome) await createFinishedRun()
  const { value } = await first
  await messages.return(undefined)
  expect(value?.errors).toBeUndefined()
  return value?.data ?? {}
}
