import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openText } from '../../../src/ledger/import/open-text.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-text-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function write(content: string | Buffer): Promise<string> {
  const path = join(folder, 'file.csv')
  await writeFile(path, content)
  return path
}

async function textOf(path: string): Promise<string> {
  return (await Array.fromAsync((await openText(path)).parts)).join('')
}

test('a pipe, a socket, a device and a directory are rejected, without waiting for them', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const socket = join(folder, 'socket')
  const server = createServer().listen(socket)
  await once(server, 'listening')
  for (const path of [pipe, '/dev/null', '/dev/zero']) {
    await expect(openText(path)).rejects.toThrow(/it is a pipe, a socket or a device: give .* regular file/)
  }
  await expect(openText(socket)).rejects.toThrow(/a socket or a device: give .* regular file/)
  await expect(openText(folder)).rejects.toThrow(/it is a directory: give .* regular file/)
  await expect(openText(join(folder, 'missing.csv'))).rejects.toThrow(/opened: there is no such file$/)
  server.close()
})

test.each<[string, Buffer]>([
  ['UTF-8', Buffer.from('a,é\n')],
  ['UTF-8 with a byte order mark', Buffer.from('\ufeffa,é\n')],
  ['UTF-16 with a byte order mark', Buffer.from('\ufeffa,é\n', 'utf16le')],
  ['UTF-16 in the other byte order', Buffer.from('\ufeffa,é\n', 'utf16le').swap16()],
  ['gzip', gzipSync('a,é\n')],
])('text in %s is decoded', async (_encoding, content) => {
  expect(await textOf(await write(content))).toBe('a,é\n')
})

test.each<[string, Buffer, RegExp]>([
  ['UTF-16 without a byte order mark', Buffer.from('a,b\n', 'utf16le'), /UTF-16 text without a byte/],
  ['Windows-1252', Buffer.from('a,é\n', 'latin1'), /not UTF-8 text/],
  ['a workbook in gzip', gzipSync('PK\x03\x04 xl/workbook.xml'), /it is an Excel workbook/],
  ['a tar archive in gzip', gzipSync(`${'\0'.padStart(257, 'x')}ustar`), /it is a tar archive/],
])('%s is rejected', async (_what, content, reason) => {
  await expect(textOf(await write(content))).rejects.toThrow(reason)
})

test('a file that grows or changes while it is read is rejected', async () => {
  const path = await write('a,b\n'.repeat(100_000))
  const { parts } = await openText(path)
  const changed = (async () => {
    let isFirst = true
    for await (const _part of parts) {
      if (isFirst) await appendFile(path, 'c,d\n')
      isFirst = false
    }
  })()
  await expect(changed).rejects.toThrow(/it changed while it was read: wait until it is complete/)
  const again = await openText(path)
  await utimes(path, new Date(), new Date('2026-01-01T00:00:00Z'))
  await expect(Array.fromAsync(again.parts)).rejects.toThrow(/it changed while/)
})
