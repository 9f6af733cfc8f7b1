import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type FileLock, tryFileLock } from '../../../src/postgres/embedded/file-lock.ts'

async function newFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-lock-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'lock')
}

function lock(file: string, mode: 'shared' | 'reserved'): FileLock {
  const held = tryFileLock(file, mode)
  if (!held) throw new Error(`The lock is not free for ${mode}.`)
  return held
}

test('a lock can have one reserved holder and any number of shared ones', async () => {
  const file = await newFile()
  const owner = lock(file, 'reserved')
  const guests = [lock(file, 'shared'), lock(file, 'shared')]
  expect(tryFileLock(file, 'reserved')).toBeNull()

  owner.release()
  const nextOwner = lock(file, 'reserved')
  for (const { release } of [nextOwner, ...guests]) release()
})

test('only the last holder can make a lock exclusive, even after its file was deleted', async () => {
  const file = await newFile()
  const owner = lock(file, 'reserved')
  const guest = lock(file, 'shared')
  expect(owner.makeExclusive()).toBe(false)
  owner.release()

  await rm(file)
  expect(guest.makeExclusive()).toBe(true)
  guest.release()
})

test('an exclusive lock prevents all others until it is released', async () => {
  const file = await newFile()
  const last = lock(file, 'reserved')
  expect(last.makeExclusive()).toBe(true)
  expect([tryFileLock(file, 'shared'), tryFileLock(file, 'reserved')]).toEqual([null, null])
  last.release()
  lock(file, 'reserved').release()
})

test('the error names a lock file that cannot be created', () => {
  expect(() => tryFileLock('/no/such/folder/lock', 'shared')).toThrow('Cannot lock /no/such/folder/lock')
})
