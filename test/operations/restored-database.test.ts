import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWith } from '../support/debian-tools.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { type Postgres15, startPostgres15 } from '../support/postgres15.ts'
import { createSlowRun, endOf, slowReport } from '../support/slow-report.ts'

type Event = { __typename: string; cursor: string; run: { id: string; version: number } | null }

const fields = '__typename cursor run { id version }'
const subscription = `subscription ($after: EventCursor) { reportRunEvents(after: $after) { ${fields} } }`
const page = `query ($after: EventCursor) { reportRunEvents(after: $after, first: 500) { nodes { ${fields} } eventCursor } }`

type Page = { reportRunEvents: { nodes: Event[]; eventCursor: string } }

async function pageAfter({ client }: TestAccount, after: string | null) {
  return (await client.request<Page>(page, { after })).reportRunEvents
}

async function finishedRun({ client }: TestAccount): Promise<string> {
  const id = await createSlowRun(client)
  expect((await endOf(client, id)).status).toBe('SUCCEEDED')
  return id
}

/** The first event after a cursor, over each transport. */
async function firstAfter(account: TestAccount, after: string): Promise<Record<string, string | undefined>> {
  const stopping = new AbortController()
  const first = async (source: 'subscribe' | 'subscribeSse'): Promise<string | undefined> => {
    const events = account.client[source]<{ reportRunEvents: Event }>(
      subscription,
      { after },
      stopping.signal,
    )
    for await (const { data } of events) return data?.reportRunEvents.__typename
    return undefined
  }
  const [socket, sse] = await Promise.all([first('subscribe'), first('subscribeSse')])
  return { socket, sse, polling: (await pageAfter(account, after)).nodes[0]?.__typename }
}

const reset = { socket: 'ReportRunLogReset', sse: 'ReportRunLogReset', polling: 'ReportRunLogReset' }

describeWith(['postgres15'], 'a database of PostgreSQL 15', () => {
  let postgres: Postgres15
  let dataDir: string
  beforeAll(async () => {
    postgres = await startPostgres15()
    dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  })
  afterAll(async () => {
    await postgres[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true })
  })

  function startOn(name: string): Promise<TestGateway> {
    const database = { ...postgres.database, url: postgres.urlOf({ database: name }) }
    return startTestGateway({ database, dataDir, reportTypes: [slowReport] })
  }

  /** The same account in a copy of its database. */
  function accountIn(gateway: TestGateway, { accountId }: TestAccount): Promise<TestAccount> {
    return gateway.createAccount({ accountId })
  }

  test.each([
    [
      'into another database',
      async (dump: string) => {
        await postgres.run('createdb', ['restored'])
        await postgres.run('pg_restore', ['-d', 'restored', dump])
        return 'restored'
      },
    ],
    [
      'over itself',
      async (dump: string) => {
        await postgres.run('pg_restore', [
          '-d',
          'reports',
          '-n',
          'report_gateway',
          '--clean',
          '--if-exists',
          dump,
        ])
        return 'reports'
      },
    ],
    [
      'into its own emptied tables',
      async (dump: string) => {
        const [tables] = await postgres.database.query<{ list: string }>(
          "select string_agg(format('%I.%I', schemaname, tablename), ', ') as list from pg_tables where schemaname = 'report_gateway'",
        )
        await postgres.database.query(`truncate ${tables?.list}`)
        const only = ['--data-only', '--disable-triggers', '--schema=report_gateway']
        await postgres.run('pg_restore', ['-d', 'reports', ...only, dump])
        return 'reports'
      },
    ],
  ])(
    'that is restored from a dump %s gives every earlier cursor a reset, however long its new log is',
    async (_where, restore) => {
      await postgres.database.query('drop schema if exists report_gateway cascade')
      await postgres.database.query('drop schema if exists report_gateway_queue cascade')
      let account: TestAccount
      let cursors: string[]
      const dump = `${postgres.socketFolder}/reports.dump`
      {
        await using gateway = await startOn('reports')
        account = await gateway.createAccount()
        await finishedRun(account)
        const atDump = (await pageAfter(account, null)).eventCursor
        await postgres.run('pg_dump', ['-Fc', '-f', dump, 'reports'])
        await finishedRun(account)
        const events = (await pageAfter(account, atDump)).nodes
        expect(events.length).toBeGreaterThanOrEqual(3)
        cursors = [
          atDump,
          ...events.map(({ cursor }) => cursor),
          (await pageAfter(account, null)).eventCursor,
        ]
      }
      const name = await restore(dump)
      await using gateway = await startOn(name)
      const restored = await accountIn(gateway, account)
      // At first the log is shorter than the cursors, then longer.
      expect(await firstAfter(restored, cursors.at(-1) ?? '')).toEqual(reset)
      for (let i = 0; i < 3; i++) await finishedRun(restored)
      for (const cursor of cursors)
        expect((await pageAfter(restored, cursor)).nodes[0]?.__typename).toBe('ReportRunLogReset')
      expect(await firstAfter(restored, cursors.at(-1) ?? '')).toEqual(reset)
      const now = (await pageAfter(restored, null)).eventCursor
      await finishedRun(restored)
      expect((await pageAfter(restored, now)).nodes[0]?.__typename).toBe('ReportRunStatusChanged')
    },
  )

  test('that is a copy by "create database … template" resets cursors of the original, which itself goes on', async () => {
    let account: TestAccount
    let eventCursor: string
    {
      await using original = await startOn('reports')
      account = await original.createAccount()
      await finishedRun(account)
      ;({ eventCursor } = await pageAfter(account, null))
    }
    await postgres.run('createdb', ['-T', 'reports', 'copied'])
    {
      await using copied = await startOn('copied')
      expect(await firstAfter(await accountIn(copied, account), eventCursor)).toEqual(reset)
    }
    await using original = await startOn('reports')
    expect((await pageAfter(await accountIn(original, account), eventCursor)).nodes).toEqual([])
  })
})
