import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { beforeEach, describe, expect, test } from 'vitest'
import type { ReportFile } from '../../../src/cli/client/report-run.ts'
import { checkFilePath, pipeReportFile, saveReportFile } from '../../../src/cli/client/save-report-file.ts'
import { startHttpServer } from '../../support/http-server.ts'

const content = '"id","net"\n"txn_1","96.80"\n'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-save-'))
  return () => rm(folder, { recursive: true })
})

/** The file of a run as the gateway describes it: `content`, at the link. */
function fileAt(url: string | null): ReportFile {
  return {
    filename: 'frr_1.csv',
    byteSize: String(content.length),
    sha256: createHash('sha256').update(content).digest('hex'),
    download: url === null ? null : { url },
  }
}

const options = { signal: new AbortController().signal, onBytes: () => {} }

/** Tries to save what the server answers over an older file; both must stay as they were. */
async function refusalOf(listener: RequestListener): Promise<string> {
  await using server = await startHttpServer(listener)
  return await refusalOfFile(fileAt(server.url))
}

async function refusalOfFile(file: ReportFile): Promise<string> {
  const path = join(folder, 'balance.csv')
  await writeFile(path, 'the last good one')
  const error = await saveReportFile(file, path, options).catch(String)
  expect(await readdir(folder)).toEqual(['balance.csv'])
  expect(await readFile(path, 'utf8')).toBe('the last good one')
  return String(error)
}

describe('a file that can be had', () => {
  test('is written where nothing was before, and its bytes are counted up to its size', async () => {
    await using server = await startHttpServer((_request, response) => {
      response.write(content.slice(0, 10), () => response.end(content.slice(10)))
    })
    const seen: number[] = []
    const path = join(folder, 'balance.csv')
    await saveReportFile(fileAt(server.url), path, { ...options, onBytes: (bytes) => seen.push(bytes) })
    expect(await readFile(path, 'utf8')).toBe(content)
    expect(await readdir(folder)).toEqual(['balance.csv'])
    expect(seen.at(-1)).toBe(content.length)
  })

  test('goes to a stream that stays open for what comes after it', async () => {
    await using server = await startHttpServer((_request, response) => response.end(content))
    const output = new PassThrough()
    await pipeReportFile(fileAt(server.url), output, options)
    output.end('after')
    expect(await text(output)).toBe(`${content}after`)
  })

  test('causes no error when its reader has read enough', async () => {
    await using server = await startHttpServer((_request, response) => response.end(content))
    const broken = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
    const output = new Writable({ write: (_chunk, _encoding, done) => done(broken) })
    await pipeReportFile(fileAt(server.url), output, options)
    expect(output.errored).toBe(broken)
  })

  test('that its reader cannot store causes an error', async () => {
    await using server = await startHttpServer((_request, response) => response.end(content))
    const full = Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' })
    const output = new Writable({ write: (_chunk, _encoding, done) => done(full) })
    await expect(pipeReportFile(fileAt(server.url), output, options)).rejects.toBe(full)
  })
})

describe('nothing is written of a file', () => {
  test('that has been deleted', async () => {
    expect(await refusalOfFile(fileAt(null))).toBe('ClientError: The file frr_1.csv has been deleted.')
  })

  test('that is refused, and the sentence of the refusal is shown', async () => {
    const refusal = await refusalOf((_request, response) =>
      response.writeHead(410).end('This file has been deleted.\n'),
    )
    expect(refusal).toMatch(/^ClientError: .*: 410 This file has been deleted\.$/)
  })

  test('whose server is down, and the link, which is as good as a key, is not shown', async () => {
    const server = await startHttpServer(() => {})
    await server[Symbol.asyncDispose]()
    const refusal = await refusalOfFile(fileAt(`${server.url}/files/1?signature=secret`))
    expect(refusal).toMatch(new RegExp(`^ClientError: .* ${server.url}\\.$`))
  })

  test('that goes on after its size, also when it never ends', async () => {
    const refusal = await refusalOf((_request, response) => {
      response.write(`${content}more`)
    })
    expect(refusal).toContain(`${content.length + 4} bytes with sha256`)
    expect(refusal).toContain(`expected ${content.length} with`)
  })

  test('whose download breaks off', async () => {
    const refusal = await refusalOf((_request, response) => {
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.slice(0, 10), () => response.destroy())
    })
    expect(refusal).toMatch(new RegExp(`^ClientError: .* 10 of ${content.length} bytes: `))
  })

  test('whose download Ctrl-C ends', async () => {
    const stopping = new AbortController()
    const reason = new Error('Ctrl-C')
    await using server = await startHttpServer((_request, response) => {
      response.write(content.slice(0, 10))
    })
    const path = join(folder, 'balance.csv')
    const saving = saveReportFile(fileAt(server.url), path, {
      signal: stopping.signal,
      onBytes: () => stopping.abort(reason),
    })
    await expect(saving).rejects.toBe(reason)
    expect(await readdir(folder)).toEqual([])
  })
})

describe('a path that cannot be written is refused before anything is asked for', () => {
  test.each([
    ['in a folder that is missing', 'missing/balance.csv', /missing: ENOENT/],
    ['below a file', 'file.csv/balance.csv', /balance\.csv.*: ENOTDIR/],
    ['that is a folder', 'folder', /folder is/],
    ['that is a link to a folder', 'link', /link is/],
    ['that is a link to itself', 'loop', /loop.*: ELOOP/],
  ])('%s', async (_what, name, sentence) => {
    await mkdir(join(folder, 'folder'))
    await writeFile(join(folder, 'file.csv'), '')
    await symlink('folder', join(folder, 'link'))
    await symlink('loop', join(folder, 'loop'))
    await expect(checkFilePath(join(folder, name))).rejects.toThrow(sentence)
  })
})
