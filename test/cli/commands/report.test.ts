import { createHash } from 'node:crypto'
import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { revokeApiKey } from '../../../src/auth/api-keys.ts'
import { StoppedError } from '../../../src/cli/client/client-error.ts'
import { reportCommand } from '../../../src/cli/commands/report.ts'
import { demoAccountId } from '../../../src/demo/demo.ts'
import { builtInReportTypes } from '../../../src/reports/catalog.ts'
import { startCuttableProxy, startFileProxy } from '../../support/client-proxies.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { type CommandProcess, spawnReport } from '../../support/report-process.ts'
import { type CommandOptions, runCommand } from '../../support/run-command.ts'
import { slowReport } from '../../support/slow-report.ts'

const september = ['--from', '2026-09-01', '--to', '2026-10-01']
function slow(rows: number, secondsEach: number): string[] {
  return [
    'test.slow.1',
    ...['--set', `rows=${rows}`, '--set', `row_seconds=${secondsEach}`, '--set', 'width=4000'],
  ]
}

let gateway: TestGateway
let account: TestAccount
let folder: string

beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true, reportTypes: [...builtInReportTypes, slowReport] })
  account = await gateway.createAccount({ accountId: demoAccountId })
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-command-test-'))
  return () => rm(folder, { recursive: true })
})

function report(args: string[], environment: Record<string, string> = {}): CommandProcess {
  return spawnReport(args, {
    cwd: folder,
    environment: { GATEWAY_URL: gateway.url, REPORT_GATEWAY_KEY: account.key, ...environment },
  })
}

async function run(args: string[], environment: Record<string, string> = {}) {
  const { code, stdout, stderr } = await report(args, environment).ended
  return { code, stdout: stdout.toString(), stderr }
}

/** The same within this process, where a test can choose when it is stopped, and what standard error is. */
function reportHere(args: string[], surroundings: CommandOptions, key = account.key): Promise<string[]> {
  const environment = { GATEWAY_URL: gateway.url, REPORT_GATEWAY_KEY: key, DATA_DIR: folder }
  return runCommand(reportCommand, args, environment, surroundings)
}

function runIdIn(text: string): string {
  return /\bfrr_[0-9a-z]+/.exec(text)?.[0] ?? ''
}
function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

type Run = { result: { files: { sha256: string; byteSize: string }[] } | null }

async function readRun(id: string): Promise<Run> {
  const query = `query ($id: ID!) { reportRun(id: $id) {
    label parameters result { files { sha256 byteSize } } } }`
  return (await account.client.request<{ reportRun: Run }>(query, { id })).reportRun
}

async function countRuns(): Promise<{ totalCount: number }> {
  const counted = await account.client.request<{ reportRuns: { totalCount: number } }>(
    '{ reportRuns { totalCount } }',
  )
  return counted.reportRuns
}

describe('the terminal client', () => {
  test("writes the gateway's file under its own name, and prints a summary", async () => {
    const { code, stdout, stderr } = await run(['balance.summary.1', ...september])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const id = runIdIn(stderr)
    const [file] = (await readRun(id)).result?.files ?? []
    expect(await readdir(folder)).toEqual([`${id}.csv`])
    const bytes = await readFile(join(folder, `${id}.csv`))
    expect(bytes.toString()).toMatch(/^"category","description","net_amount","currency"\n"starting_balance"/)
    expect({ sha256: sha256(bytes), byteSize: String(bytes.byteLength) }).toEqual(file)
    expect(stdout).toMatch(
      new RegExp(
        `^24 rows  ${Number(file?.byteSize).toLocaleString('en')} bytes  [0-9.]+ s  sha256 ${file?.sha256}  ${id}.csv\n$`,
      ),
    )
    expect(stderr).toMatch(/^frr_\w+ {2}balance\.summary\.1 {2}test mode\n/)
    expect(stderr).toContain('100.0 %  Done  24 of 24 rows\n')
    expect(stderr).not.toContain('\r')
  })

  test('writes only the file to standard output with --out -', async () => {
    const { code, stdout, stderr } = await run(['balance.summary.1', ...september, '--out', '-'])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const { result } = await readRun(runIdIn(stderr))
    expect(sha256(stdout)).toBe(result?.files[0]?.sha256)
    expect(stderr).toContain('standard output')
    expect(await readdir(folder)).toEqual([])
  })

  test('sends parameters, label, format and compression', async () => {
    const { code, stderr } = await run([
      ...['payouts.itemized.3', ...september, '--timezone', 'Europe/Berlin', '--currency', 'EUR'],
      ...['--columns', 'payout_id, net', '--set', 'decimal_separator=,', '--label', 'For the audit'],
      ...['--format', 'jsonl', '--compression', 'gzip', '--out', 'payouts.jsonl.gz'],
    ])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(await readRun(runIdIn(stderr))).toMatchObject({
      label: 'For the audit',
      parameters: {
        interval_start: '2026-08-31T22:00:00Z',
        interval_end: '2026-09-30T22:00:00Z',
        timezone: 'Europe/Berlin',
        currency: 'eur',
        columns: ['payout_id', 'net'],
        decimal_separator: ',',
      },
    })
    const text = gunzipSync(await readFile(join(folder, 'payouts.jsonl.gz'))).toString()
    expect(text).toMatch(/^\{"payout_id":"po_\w+","net":"-?\d+\.\d\d"\}\n/)
  })

  test('replaces the file that a link leads to, and keeps the link', async () => {
    await writeFile(join(folder, 'old.csv'), 'old')
    await symlink('old.csv', join(folder, 'link.csv'))
    const { code } = await run(['balance.summary.1', ...september, '--out', 'link.csv'])
    expect(code).toBe(0)
    expect((await lstat(join(folder, 'link.csv'))).isSymbolicLink()).toBe(true)
    expect(await readFile(join(folder, 'old.csv'), 'utf8')).toMatch(/^"category"/)
    expect((await readdir(folder)).sort()).toEqual(['link.csv', 'old.csv'])
  })
})

test('on a terminal the progress is drawn over, and nothing is left of it', async () => {
  const written: string[] = []
  const path = join(folder, 'slow.csv')
  const [summary] = await reportHere([...slow(16, 0.1), '--out', path], {
    isTerminal: true,
    onWrite: (text) => written.push(text),
  })
  expect(summary).toMatch(/^16 rows .* sha256 /)
  expect(sha256(await readFile(path))).toBe(/sha256 (\w+)/.exec(summary ?? '')?.[1])
  const [id, ...drawn] = written
  expect(id).toMatch(/^frr_\w+ {2}test\.slow\.1 {2}test mode\n$/)
  for (const text of drawn) {
    expect(text).toMatch(/^\r.*$/)
    expect(text.endsWith('\x1b[K')).toBe(true)
  }
  expect(drawn.join('')).toMatch(/\r\[[#-]{14}\] .*Writing rows/)
  expect(drawn.at(-1)).toBe('\r\x1b[K')
})

describe('errors', () => {
  test('in the type list the existing types', async () => {
    const { code, stdout, stderr } = await run(['balance.summary.9', ...september])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const current = [...builtInReportTypes, slowReport].filter(({ replacedBy }) => !replacedBy)
    expect(stderr).toBe(
      `There is no report type "balance.summary.9". Did you mean balance.summary.1? (input.report.byName.name) Allowed: ${current.map(({ name }) => name).join(', ')}\n`,
    )
    expect(await readdir(folder)).toEqual([])
  })

  test('in parameters have a line each', async () => {
    const args = ['payouts.itemized.3', '--from', '2026-09-02', '--to', '2026-09-01']
    const { code, stderr } = await run([...args, '--currency', 'xxy', '--set', 'decimal_separator=;'])
    expect(code).toBe(1)
    expect(stderr.trimEnd().split('\n')).toHaveLength(3)
    const path = String.raw`\(input\.report\.byName\.parameters\.`
    expect(stderr).toMatch(new RegExp(`^"xxy" is not a valid currency.* ${path}currency\\)$`, 'm'))
    expect(stderr).toMatch(
      new RegExp(`^";" is not a valid decimal separator.* ${path}decimal_separator\\) Allowed: \\., ,$`, 'm'),
    )
    expect(stderr).toMatch(new RegExp(`^The interval is reversed.* ${path}interval_end\\)$`, 'm'))
  })

  test('in the name of a parameter list the existing ones once', async () => {
    const { stderr } = await run(['payouts.summary.1', ...september, '--set', 'nothing=1'])
    expect(stderr).toMatch(/^payouts\.summary\.1 has no parameter "nothing"\. Its parameters are .*currency/)
    expect(stderr.match(/currency/g)).toHaveLength(1)
  })

  test.each<[string, string[], Record<string, string>, RegExp]>([
    ['no type', [], {}, /^No report type is given/],
    [
      'two types',
      ['balance.summary.1', 'payouts.summary.1'],
      {},
      /^Only one report type can be given: leave payouts\.summary\.1 out/,
    ],
    [
      'an unknown option',
      ['balance.summary.1', '--form', '2026-09-01'],
      {},
      /^Unknown option --form\. Did you mean --from\?\n\nnpm run report/,
    ],
    [
      'an invalid date',
      ['balance.summary.1', '--from', '2026-02-30'],
      {},
      /^--from 2026-02-30 is not a valid time/,
    ],
    [
      'an invalid format',
      ['balance.summary.1', '--format', 'xls'],
      {},
      /^--format xls is not valid\. Give csv or jsonl/,
    ],
    [
      'an invalid compression',
      ['balance.summary.1', '--compression', 'lzma'],
      {},
      /^--compression lzma is not valid/,
    ],
    [
      'a missing folder',
      ['balance.summary.1', '--out', 'no/a.csv'],
      {},
      /^Cannot write to the folder .*\/no: ENOENT/,
    ],
    ['a folder', ['balance.summary.1', '--out', '.'], {}, /^\. is not a regular file/],
    [
      'an invalid address',
      ['balance.summary.1', '--url', 'localhost:4000'],
      {},
      /^The address of the gateway must/,
    ],
    [
      'no key',
      ['balance.summary.1'],
      { REPORT_GATEWAY_KEY: '' },
      /^There is no API key.*"npm start" creates one/,
    ],
    [
      'a test key with --live',
      ['balance.summary.1', '--live'],
      {},
      /^The key in REPORT_GATEWAY_KEY is not a live key/,
    ],
    [
      'a wrong key',
      ['balance.summary.1'],
      { REPORT_GATEWAY_KEY: `sk_test_${'0'.repeat(77)}` },
      /^The API key is not valid: it is unknown, revoked or expired\. It was read from REPORT_GATEWAY_KEY\.\n$/,
    ],
  ])('such as %s are explained, and nothing is written', async (_what, args, environment, sentence) => {
    const { code, stdout, stderr } = await run(args, environment)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(sentence)
    expect(stderr).not.toMatch(/sk_test|^ +at /m)
    expect(await readdir(folder)).toEqual([])
  })

  test('such as a gateway that is down come with the way to start it', async () => {
    const closed = await startCuttableProxy(gateway.url)
    await closed[Symbol.asyncDispose]()
    const { code, stderr } = await run(['balance.summary.1', ...september], { GATEWAY_URL: closed.url })
    expect(code).toBe(1)
    expect(stderr).toBe(
      `No gateway answers at ${closed.url}: ECONNREFUSED.\nStart one with "npm start", or give the address of another one: --url http://HOST:PORT\n`,
    )
  })
})

describe('the demo keys', () => {
  const args = ['balance.summary.1', ...september]

  test('of the gateway in this folder are used, and --live selects the live key', async () => {
    const live = await gateway.createAccount({ accountId: demoAccountId, livemode: true })
    await writeFile(join(folder, 'keys.json'), JSON.stringify({ test: account.key, live: live.key }))
    const { stderr: inTest } = await run(args, { REPORT_GATEWAY_KEY: '' })
    const { stderr: inLive } = await run([...args, '--live'], { REPORT_GATEWAY_KEY: '' })
    expect(inTest).toContain(' test mode\n')
    expect(inLive).toContain(' live mode\n')
  })

  test('are not sent to another machine', async () => {
    await writeFile(join(folder, 'keys.json'), JSON.stringify({ test: account.key, live: account.key }))
    const { code, stderr } = await run([...args, '--url', 'http://gateway.invalid'], {
      REPORT_GATEWAY_KEY: '',
    })
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/^There is no API key/) })
  })
})

describe('a run without a file', () => {
  test('because it failed is explained with the reason and the trace id', async () => {
    const { code, stdout, stderr } = await run([...slow(10, 0), '--set', 'fails_at=3'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const [, sentence, traceId] =
      /^(The database could not .*)\nTrace id ([0-9a-f]{32}), run frr_/m.exec(stderr) ?? []
    expect(sentence).toContain('22012')
    expect(sentence).toContain(traceId)
    expect(await readdir(folder)).toEqual([])
  })

  test('because another client canceled it is explained', async () => {
    const client = report(slow(200, 0.1))
    const [id] = await client.wrote(/frr_\w+/)
    await account.client.request(
      'mutation ($id: ID!) { cancelReportRun(input: { id: $id, reason: "Too early" }) { reportRun { id } } }',
      { id },
    )
    const { code, stderr } = await client.ended
    expect(code).toBe(1)
    expect(stderr).toMatch(/^The run frr_\w+ was canceled by .*: Too early$/m)
  })

  test('because of Ctrl-C is canceled', async () => {
    const client = report(slow(200, 0.1))
    await client.wrote(/Writing rows/)
    client.child.kill('SIGINT')
    const { code, stderr } = await client.ended
    expect(code).toBe(130)
    expect(stderr).toMatch(/^Stopped\. The run frr_\w+ is CANCELING\.$/m)
    const id = runIdIn(stderr)
    const states = account.client.subscribe<{ reportRun: Run }>(
      'subscription ($id: ID!) { reportRun(id: $id) { status cancellation { reason } } }',
      { id },
    )
    const seen = await Array.fromAsync(states, ({ data }) => data?.reportRun)
    expect(seen.at(-1)).toEqual({ status: 'CANCELED', cancellation: { reason: 'Stopped in the terminal' } })
    expect(await readdir(folder)).toEqual([])
  })
})

test('a key that is revoked while a run is followed ends it with the place of the key', async () => {
  const { apiKeyId, key } = await gateway.createAccount()
  let revoked: Promise<unknown> | null = null
  const onWrite = (text: string): void => {
    if (text.includes('Writing rows')) revoked ??= revokeApiKey(gateway.prisma, apiKeyId)
  }
  const refused = reportHere(slow(100, 0.1), { onWrite }, key)
  await expect(refused).rejects.toThrow(/key is not valid.*REPORT_GATEWAY_KEY\.$/)
  await revoked
  expect(await readdir(folder)).toEqual([])
})

describe('Ctrl-C', () => {
  test('before the run is created leaves none', async () => {
    const { totalCount } = await countRuns()
    const stopped = reportHere(['balance.summary.1', ...september], { signal: AbortSignal.abort() })
    await expect(stopped).rejects.toThrow(/^Stopped before the run was created/)
    expect(await countRuns()).toEqual({ totalCount })
  })

  test('says that the gateway still works on the run when that cannot be canceled', async () => {
    const proxy = await startCuttableProxy(gateway.url)
    const stopping = new AbortController()
    let written = ''
    const stopped: unknown = await reportHere([...slow(40, 0.1), '--url', proxy.url], {
      signal: stopping.signal,
      onWrite: (text) => {
        written += text
        // The connection is gone, too: as when the computer has left its network.
        if (text.includes('Writing rows')) void proxy[Symbol.asyncDispose]().then(() => stopping.abort())
      },
    }).catch((error: unknown) => error)
    expect(stopped).toBeInstanceOf(StoppedError)
    expect(String(stopped)).toContain(`The run ${runIdIn(written)} was not canceled: `)
    expect(String(stopped)).toContain(`${proxy.url}: ECONNREFUSED`)
  })
})

describe('a bad connection', () => {
  const flip = (file: Buffer): Buffer => {
    const flipped = Buffer.from(file)
    flipped.writeUInt8(flipped.readUInt8(100) ^ 1, 100)
    return flipped
  }

  test.each<[string, (file: Buffer) => Buffer, RegExp]>([
    [
      'with a byte changed',
      flip,
      /^The download is damaged and was not kept: .* with sha256 [0-9a-f]{64}, expected/m,
    ],
    ['that is incomplete', (file) => file.subarray(0, 500), /^The download failed after 500 of \d+ bytes: /m],
  ])('does not replace a good file by one %s', async (_what, alter, sentence) => {
    await using proxy = await startFileProxy(gateway.url, alter)
    await writeFile(join(folder, 'balance.csv'), 'the last good file')
    const args = ['balance.summary.1', ...september, '--url', proxy.url]
    const toFile = await run([...args, '--out', 'balance.csv'])
    expect(toFile).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(sentence) })
    expect(await readdir(folder)).toEqual(['balance.csv'])
    expect(await readFile(join(folder, 'balance.csv'), 'utf8')).toBe('the last good file')
    const toOutput = await run([...args, '--out', '-'])
    expect(toOutput).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(sentence) })
  })

  test('without WebSockets makes the client poll each second', async () => {
    await using proxy = await startFileProxy(gateway.url, (file) => file)
    const { code, stderr } = await run([
      ...slow(16, 0.1),
      '--url',
      `${proxy.url}/graphql`,
      '--out',
      'slow.csv',
    ])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain('100.0 %  Done  16 of 16 rows')
    expect(await readdir(folder)).toEqual(['slow.csv'])
  })

  test('that is lost makes the client subscribe again, without polling in between', async () => {
    await using proxy = await startCuttableProxy(gateway.url)
    const client = report([...slow(30, 0.1), '--url', proxy.url, '--out', 'slow.csv'])
    await client.wrote(/Writing rows/)
    const before = proxy.firstLines.length
    proxy.cut()
    const { code, stderr } = await client.ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(proxy.firstLines.slice(before)).toEqual(['GET /graphql HTTP/1.1'])
    expect(await readdir(folder)).toEqual(['slow.csv'])
  })
})
