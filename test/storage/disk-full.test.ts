import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'
import { createSlowRun, endOf, slowReport, storedFiles } from '../support/slow-report.ts'

/** Mounts a disk of 4 MB of memory; null when this account or this system may not. */
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

test('a run that fills the disk is begun anew, then FAILED, and its space is free at once', async ({
  skip,
}) => {
  await using disk = await mountSmallDisk()
  if (!disk && process.env.CI) throw new Error('No disk can be mounted here, so that none can be filled.')
  if (!disk) return skip('Only root can mount a disk to fill.')
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
  // A folder or two is left.
  expect((await usedBytes(disk.path)) - before).toBeLessThan(100_000)

  const smaller = await endOf(client, await createSlowRun(client, { rows: '2000', width: '1000' }))
  expect(smaller).toMatchObject({ status: 'SUCCEEDED', result: { rowCount: '2000' } })
  expect(await readdir(dataDir)).toEqual(['files'])
})
