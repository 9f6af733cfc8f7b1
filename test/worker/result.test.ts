import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { createSlowRun, endOf, type SeenRun, slowReport } from '../support/slow-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport] })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function runToEnd(
  parameters: Record<string, string>,
  compression?: string,
): Promise<{ run: SeenRun; bytes: Buffer }> {
  const id = await createSlowRun(account.client, parameters, compression ? { compression } : {})
  const run = await endOf(account.client, id)
  const [file] = run.result?.files ?? []
  if (!file) throw new Error(`The run has no file: ${JSON.stringify(run)}`)
  const response = await fetch(file.download.url)
  return { run, bytes: Buffer.from(await response.arrayBuffer()) }
}

function fileOf(bytes: Buffer) {
  return {
    byteSize: String(bytes.byteLength),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }
}

test('the result describes its file', async () => {
  const { run, bytes } = await runToEnd({ rows: '3', width: '2' })
  expect(bytes.toString()).toBe('"number","filler"\n"1","xx"\n"2","xx"\n"3","xx"\n')
  expect(run.result).toMatchObject({
    isEmpty: false,
    rowCount: '3',
    columns: [
      { name: 'number', type: 'INTEGER' },
      { name: 'filler', type: 'INTEGER' },
    ],
    files: [fileOf(bytes)],
  })
  const row = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id: run.id } })
  expect(row.byteSize).toBe(BigInt(bytes.byteLength))
  expect(Number(row.runMilliseconds)).toBe(Date.parse(run.finishedAt ?? '') - Date.parse(run.startedAt ?? ''))
})

test('a report without rows succeeds, and is empty', async () => {
  const { run, bytes } = await runToEnd({ rows: '0' })
  expect(run).toMatchObject({ status: 'SUCCEEDED', progress: { percent: 100, rowsWritten: '0' } })
  expect(run.result).toMatchObject({ isEmpty: true, rowCount: '0', files: [fileOf(bytes)] })
  expect(bytes.toString()).toBe('"number","filler"\n')
})

test('compressed files hold the same bytes', async () => {
  const parameters = { rows: '5000', width: '50' }
  const plain = await runToEnd(parameters, 'NONE')
  const unpackers = { GZIP: gunzipSync, ZSTD: zstdDecompressSync }
  for (const [compression, unpack] of Object.entries(unpackers)) {
    const { run, bytes } = await runToEnd(parameters, compression)
    expect(bytes.byteLength).toBeLessThan(plain.bytes.byteLength / 4)
    expect(unpack(bytes).equals(plain.bytes)).toBe(true)
    expect(run.result).toMatchObject({ rowCount: '5000', files: [fileOf(bytes)] })
  }
})

test('memory does not grow with the size of a report', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const run = async (rows: number): Promise<SeenRun> =>
    endOf(account.client, await createSlowRun(account.client, { rows: String(rows), width: '80' }))
  // Live memory, not the process size: how soon garbage is collected depends on the load of the machine.
  const liveBytes = (): number => {
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  await run(50_000)
  const before = liveBytes()
  let max = before
  let sampling: NodeJS.Timeout | undefined
  const sample = (): void => {
    const startedAt = performance.now()
    max = Math.max(max, liveBytes())
    // Collection takes a tenth of the time, even on a slow machine.
    sampling = setTimeout(sample, 9 * (performance.now() - startedAt))
  }
  sample()
  const end = await run(2_000_000)
  clearTimeout(sampling)
  expect(end.result).toMatchObject({ rowCount: '2000000' })
  // Pipes and sockets hold some ten megabytes, however large the file is.
  expect(max - before).toBeLessThan(Number(end.result?.files[0]?.byteSize) / 3)
})
