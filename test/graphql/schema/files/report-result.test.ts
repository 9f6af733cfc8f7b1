import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../../support/gateway.ts'
import {
  argumentsFor,
  askedPage,
  type Chosen,
  expectedPage,
  forwardPages,
  type PageInfo,
  type ShownPage,
} from '../../../support/list-model.ts'
import type { PageArguments } from '../../../support/run-list.ts'
import { storeFile } from '../../../support/stored-file.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway' } })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const pageInfo = 'pageInfo { startCursor endCursor hasNextPage hasPreviousPage }'
const rowsDocument = `query ($id: ID!, $first: Int, $after: String) {
  reportRun(id: $id) { result { rows(first: $first, after: $after) { rows ${pageInfo} } } } }`

async function readRows(id: string, page: PageArguments): Promise<ShownPage> {
  const { reportRun } = await account.client.request<{
    reportRun: { result: { rows: { rows: string[][]; pageInfo: PageInfo } } }
  }>(rowsDocument, { id, ...page })
  const { rows, pageInfo } = reportRun.result.rows
  return { ids: rows.map(([value]) => value ?? ''), ...pageInfo }
}

async function compareRows(count: number, compression: 'NONE' | 'GZIP', pages: Chosen): Promise<void> {
  const all = Array.from({ length: count }, (_, i) => `row ${i}`)
  const lines = ['id', ...all].map((value) => `"${value}"\n`).join('')
  const content = compression === 'GZIP' ? gzipSync(lines) : lines
  const { runId } = await storeFile(gateway, account, content, compression, BigInt(count))
  const cursors = new Map<string, string>()
  let after: string | null = null
  for (const row of all) {
    const page: ShownPage = await readRows(runId, { first: 1, ...(after !== null && { after }) })
    expect(page.startCursor).toBe(page.endCursor)
    after = page.endCursor
    cursors.set(row, after ?? '')
  }
  const compare = async (page: Chosen[number]): Promise<void> => {
    const asked = askedPage({ cursors }, page)
    const { ids, ...sides } = expectedPage({ all, left: new Set(all) }, asked, 20)
    const cursorOf = (row: string | undefined) => (row === undefined ? null : cursors.get(row))
    expect(await readRows(runId, argumentsFor({ cursors }, asked))).toEqual({
      ids,
      ...sides,
      startCursor: cursorOf(ids[0]),
      endCursor: cursorOf(ids.at(-1)),
    })
  }
  await Promise.all(pages.map(compare))
}

test('pages of rows are those of the model', async () => {
  const compression = fc.constantFrom('NONE' as const, 'GZIP' as const)
  const count = fc.nat({ max: 9 })
  await fc.assert(fc.asyncProperty(count, compression, forwardPages, compareRows), { numRuns: 8 })
})

test.each([
  ['first', { first: 0 }],
  ['first', { first: -1 }],
  ['first', { first: 501 }],
  ['after', { after: '' }],
  ['after', { after: 'nonsense' }],
])('%s is refused in %j', async (argument, page) => {
  const { runId: id } = await storeFile(gateway, account, '"id"\n"1"\n')
  const { errors } = await account.client.execute(rowsDocument, { id, ...page })
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', argument } }])
})
