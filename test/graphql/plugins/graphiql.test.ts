import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtInReportTypes } from '../../../src/reports/catalog.ts'
import { isBrowserMissing, launchBrowser, visit } from '../../support/browser.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { type GatewayProcess, spawnGateway } from '../../support/gateway-process.ts'
import {
  cutLines,
  followLink,
  kept,
  openTab,
  read,
  run,
  settle,
  tabNames,
  write,
} from '../../support/graphiql.ts'
import { createSlowRun, slowReport } from '../../support/slow-report.ts'

const tabs = ['Create', 'Watch', 'Events', 'List', 'Download']
const runId = expect.stringMatching(/^frr_\w+$/)
const created = { data: { createReportRun: { reportRun: { id: runId, status: 'PENDING' }, userErrors: [] } } }
const succeeded = { data: { reportRun: { status: 'SUCCEEDED' } } }

let dataDir: string
let gateway: GatewayProcess
let url: string
let key: string

async function start(port: string): Promise<void> {
  gateway = spawnGateway({ DATA_DIR: dataDir, PORT: port, HOST: '0.0.0.0' })
  url = await gateway.ready()
  key = JSON.parse(await readFile(join(dataDir, 'keys.json'), 'utf8')).test
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  await start('0')
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true })
})

/** The page as a client at this address of the machine receives it. */
async function pageAt(host: string, headers: Record<string, string> = {}): Promise<string> {
  const { port } = new URL(url)
  const sent = request({
    host,
    port,
    path: '/graphql',
    headers: { accept: 'text/html', host: 'localhost', ...headers },
  })
  sent.end()
  const [response]: IncomingMessage[] = await once(sent, 'response')
  if (!response) throw new Error('There is no response.')
  expect(response.statusCode).toBe(200)
  return text(response)
}

test('the page has a key only for a client on this machine', async () => {
  expect(await pageAt('127.0.0.1')).toContain(key)
  const elsewhere = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
  const pages = [
    await pageAt('127.0.0.1', { 'x-forwarded-for': '127.0.0.1' }),
    await pageAt('127.0.0.1', { connection: 'close' }),
    ...(await Promise.all(elsewhere.map(({ address }) => pageAt(address)))),
  ]
  for (const page of pages) {
    expect(page).toContain('GraphiQL')
    expect(page).not.toMatch(/sk_(test|live)_\w/)
  }
  expect(gateway.output()).toContain('without DATABASE_URL')
})

describe.skipIf(isBrowserMissing)('GraphiQL', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchBrowser()
  })
  afterAll(() => browser?.close())

  test('opens with tabs to create, watch, follow, list and download, and with an active key', async () => {
    await using visited = await visit(browser, `${url}/graphql`)
    const { page } = visited
    await settle(page)
    expect(await tabNames(page)).toEqual(tabs)
    expect(JSON.parse(await read(page, 'headers'))).toEqual({ Authorization: `Bearer ${key}` })
    await run(page, created)
  })

  test('creates, watches, lists and downloads a run without copying its ID', async () => {
    await using visited = await visit(browser, `${url}/graphql`)
    const { page, frames } = visited
    await settle(page)
    await run(page, created)
    const [id] = /frr_\w+/.exec(await read(page, 'response')) ?? []

    await openTab(page, 'Watch')
    expect(JSON.parse(await read(page, 'variables'))).toEqual({ id })
    await run(page, succeeded)
    const received = frames.filter(({ sent }) => !sent).map(({ text }) => JSON.parse(text))
    expect(received.at(0)).toMatchObject({ type: 'connection_ack' })
    expect(received.findLast(({ type }) => type === 'next')).toMatchObject({ payload: succeeded })

    await openTab(page, 'List')
    await run(page, {
      data: { reportRuns: { nodes: expect.arrayContaining([expect.objectContaining({ id })]) } },
    })

    await openTab(page, 'Download')
    await run(page, succeeded)
    const [
      {
        sha256,
        filename,
        download: { url: link },
      },
    ] = JSON.parse(await read(page, 'response')).data.reportRun.result.files
    const download = await followLink(page)
    expect(download.url()).toBe(link)
    expect(download.suggestedFilename()).toBe(filename)
    const bytes = await readFile(await download.path())
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
  })

  test('sends no request to another host and logs no error', async () => {
    await using visited = await visit(browser, `${url}/graphql`)
    const { page, requests, complaints } = visited
    await settle(page)
    await run(page, created)
    await openTab(page, 'Watch')
    await run(page, succeeded)
    await page.getByLabel('Show Documentation Explorer').click()
    await page.getByText('All Schema Types').waitFor()
    await page.getByLabel('Show GraphiQL Explorer').click()
    await page.locator('.graphiql-explorer-root').first().waitFor()
    const hosts = new Set(requests.map((address) => new URL(address).host))
    expect([...hosts]).toEqual([new URL(url).host])
    expect(requests).toContainEqual(expect.stringMatching(/^ws:/))
    expect(complaints).toEqual([])
  })

  test('keeps an ID that the user entered until the next run is created', async () => {
    await using visited = await visit(browser, `${url}/graphql`)
    const { page } = visited
    await settle(page)
    await run(page, created)
    await openTab(page, 'Watch')
    const written = JSON.stringify({ id: 'frr_written' })
    await write(page, 'variables', written)
    await expect.poll(() => kept(page)).toContain('frr_written')
    await openTab(page, 'Create')
    await openTab(page, 'Watch')
    expect(await read(page, 'variables')).toBe(written)

    await openTab(page, 'Create')
    await run(page, created)
    const [id] = /frr_\w+/.exec(await read(page, 'response')) ?? []
    await openTab(page, 'Watch')
    expect(JSON.parse(await read(page, 'variables'))).toEqual({ id })
  })

  test('keeps its tabs over a reload, but takes the key from the page', async () => {
    await using visited = await visit(browser, `${url}/graphql`)
    const { page } = visited
    await settle(page)
    await openTab(page, 'List')
    await write(page, 'variables', '{ "kept": true }')
    await expect.poll(() => kept(page)).toContain('kept')
    expect(await kept(page)).not.toContain('sk_')

    const outdated = key
    await gateway[Symbol.asyncDispose]()
    await rm(join(dataDir, 'keys.json'))
    await start(new URL(url).port)
    expect(key).not.toBe(outdated)

    await page.reload()
    await settle(page)
    expect(await tabNames(page)).toEqual(tabs)
    expect(await page.locator('.graphiql-tab-active .graphiql-tab-button').textContent()).toBe('List')
    expect(await read(page, 'variables')).toBe('{ "kept": true }')
    for (const name of ['Create', 'List']) {
      await openTab(page, name)
      expect(JSON.parse(await read(page, 'headers'))).toEqual({ Authorization: `Bearer ${key}` })
    }
    await run(page, { data: { reportRuns: { nodes: expect.any(Array) } } })
  })

  test('shows whole lines at 1280 pixels, beside the documentation too', async () => {
    await using shared = await startTestGateway({ config: { role: 'gateway' } })
    await using visited = await visit(browser, `${shared.url}/graphql`)
    const { page } = visited
    await page.setViewportSize({ width: 1280, height: 720 })
    await settle(page)
    await page.getByLabel('Show Documentation Explorer').click()
    await page.getByText('All Schema Types').waitFor()
    for (const name of tabs) {
      if (name !== 'Create') await openTab(page, name)
      await expect.poll(() => cutLines(page)).toEqual([])
    }
  })

  test('has no key with DATABASE_URL, and uses a key from its headers, also over WebSocket', async () => {
    await using shared = await startTestGateway({ reportTypes: [...builtInReportTypes, slowReport] })
    const account = await shared.createAccount()
    await using visited = await visit(browser, `${shared.url}/graphql`)
    const { page, frames } = visited
    await settle(page)
    expect(await page.content()).not.toMatch(/sk_(test|live)_\w/)
    expect(await read(page, 'headers')).toContain('npm run keys -- create')

    await openTab(page, 'Watch')
    await run(page, { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
    await write(page, 'headers', JSON.stringify({ Authorization: `Bearer ${account.key}` }))
    const id = await createSlowRun(account.client, { rows: '40', row_seconds: '0.05', width: '9000' })
    await write(page, 'variables', JSON.stringify({ id }))
    await run(page, succeeded)
    const statuses = frames.flatMap(({ sent, text }) =>
      sent ? [] : (/"status":"(\w+)"/.exec(text)?.[1] ?? []),
    )
    expect(new Set(statuses)).toEqual(new Set(['RUNNING', 'SUCCEEDED']))
    expect(statuses.length).toBeGreaterThan(3)
  })
})

describe('The page', () => {
  test('is sent compressed, and not again while it is unchanged', async () => {
    const headers = { Accept: 'text/html' }
    const first = await fetch(`${url}/graphql`, { headers })
    expect(await first.text()).toContain(key)
    expect(first.headers.get('content-encoding')).toBe('gzip')
    expect(Number(first.headers.get('content-length'))).toBeLessThan(3_000_000)
    const etag = first.headers.get('etag') ?? ''
    const second = await fetch(`${url}/graphql`, { headers: { ...headers, 'If-None-Match': etag } })
    expect(second.status).toBe(304)
  })

  test.each([
    ['gzip, deflate, br', 'gzip'],
    ['GZIP;q=0.5', 'gzip'],
    ['identity', null],
    ['gzip;q=0, identity', null],
    ['br', null],
    ['', null],
  ])('accepting the encoding %j, is sent with %s', async (accepted, encoding) => {
    const headers = { Accept: 'text/html', 'Accept-Encoding': accepted }
    const answer = await fetch(`${url}/graphql`, { headers })
    expect(answer.headers.get('content-encoding')).toBe(encoding)
    expect(await answer.text()).toContain(key)
  })

  test('cannot be framed and connects only to this gateway', async () => {
    const { headers } = await fetch(`${url}/graphql`, { headers: { Accept: 'text/html' } })
    const policy = headers.get('content-security-policy')?.split('; ')
    expect(policy).toEqual(expect.arrayContaining(["frame-ancestors 'none'", "connect-src 'self'"]))
  })
})

type Ask = { path: string; method?: string; headers: Record<string, string>; body?: string }

/** The status and the text of a response. Not with fetch, which sets the `Host` header itself. */
function ask({ path, method = 'GET', headers, body }: Ask): Promise<string> {
  return new Promise((resolve, reject) => {
    request(new URL(path, url), { method, headers })
      .on('response', async (response) => resolve(`${response.statusCode} ${await text(response)}`))
      .on('upgrade', ({ statusCode }, socket) => {
        socket.destroy()
        resolve(`${statusCode} `)
      })
      .on('error', reject)
      .end(body)
  })
}

const asks: Record<string, Ask> = {
  'the page': { path: '/graphql', headers: { Accept: 'text/html' } },
  'a query': {
    path: '/graphql',
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: '{ __typename }' }),
  },
  'a file': { path: '/files/file_none', headers: {} },
  'a WebSocket': {
    path: '/graphql',
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Protocol': 'graphql-transport-ws',
    },
  },
}

const strangers = {
  'under the name of another host': { Host: 'evil.example' },
  'under a name that only starts like this machine': { Host: '127.0.0.1.evil.example:4000' },
  'from a page of another host': { Origin: 'https://evil.example' },
  'from a page without an origin': { Origin: 'null' },
}

describe.each(Object.entries(asks))('The embedded default, requested for %s,', (_what, asked) => {
  test.each(Object.entries(strangers))('rejects %s', async (_who, headers) => {
    const answer = await ask({ ...asked, headers: { ...asked.headers, ...headers } })
    expect(answer).toMatch(/^403 (Forbidden|This gateway accepts only requests to this machine)/)
    expect(answer).not.toContain(key)
  })

  test('accepts the names of this machine and websites on it', async () => {
    const { port } = new URL(url)
    const headers = { Host: `localhost:${port}`, Origin: `http://localhost:${port}` }
    const answer = await ask({ ...asked, headers: { ...asked.headers, ...headers } })
    expect(answer).not.toMatch(/^403 (Forbidden|.*only requests to this machine)/)
    expect(answer).toMatch(/^(200|101|403 .*link)/)
  })
})
