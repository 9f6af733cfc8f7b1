import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'
import { createSlowRun, endOf, slowReport, storedFiles } from '../support/slow-report.ts'

/** Mounts a 4 MB disk in memory. Returns null when the user or the system cannot mount one. */
async function mountSmallDisk(): Promise<(AsyncDisposable & { path: string }) | null> {
  const path = await mkdtemp(join(tmpdir(), 'report-gateway-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    await rm(path, { recursive: true })
    return null
  }
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', [path])
      await rm(path, { recursive: true })
    },
  }
}

async function usedBytes(path: string): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(path)
  return (blocks - bfree) * bsize
}

test('a run that fills the disk is retried, then FAILED, and its space is freed immediately', async ({
  skip,
}) => {
  await using disk = await mountSmallDisk()
  if (!disk && process.env.CI) throw new Error('Cannot mount a disk. This test requires root.')
  if (!disk) return skip('Only root can mount a disk.')
  const dataDir = join(disk.path, 'data')
  await mkdir(dataDir)
  await using gateway = await startTestGateway({
    reportTypes: [slowReport],
    dataDir,
    config: { runAttempts: 2 },
  })
  const { client } = await gateway.createAccount()
  const before = await usedBytes(disk.path)

  const id = await createSlowRun(client, { rows: '8000', width: '1000' })
  const run = await endOf(client, id)
  expect(run.failure).toMatchObject({
    code: 'STORAGE_ERROR',
    message: 'The file could not be stored: there is no space left. No part of it was kept. Try again later.',
    isRetryable: true,
  })
  expect((await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id } })).execution).toBe(2)
  expect(await storedFiles(dataDir)).toEqual([])
  // One or two folders are left.
  expect((await usedBytes(disk.path)) - before).toBeLessThan(100_000)

  const smaller = await endOf(client, await createSlowRun(client, { rows: '2000', width: '1000' }))
  expect(smaller).toMatchObject({ status: 'SUCCEEDED', result: { rowCount: '2000' } })
  expect(await readdir(dataDir)).toEqual(['files'])
})
