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

test('one holder may reserve a lock, beside any number that share it', async () => {
  const file = await newFile()
  const owner = lock(file, 'reserved')
  const guests = [lock(file, 'shared'), lock(file, 'shared')]
  expect(tryFileLock(file, 'reserved')).toBeNull()

  owner.release()
  const heir = lock(file, 'reserved')
  for (const { release } of [heir, ...guests]) release()
})

test('a lock is made exclusive by its last holder alone, also after its file was deleted', async () => {
  const file = await newFile()
  const owner = lock(file, 'reserved')
  const guest = lock(file, 'shared')
  expect(owner.makeExclusive()).toBe(false)
  owner.release()

  await rm(file)
  expect(guest.makeExclusive()).toBe(true)
  guest.release()
})

test('an exclusive lock keeps all others out until it is released', async () => {
  const file = await newFile()
  const last = lock(file, 'reserved')
  expect(last.makeExclusive()).toBe(true)
  expect([tryFileLock(file, 'shared'), tryFileLock(file, 'reserved')]).toEqual([null, null])
  last.release()
  lock(file, 'reserved').release()
})

test('a lock file that cannot be made is named', () => {
  expect(() => tryFileLock('/no/such/folder/lock', 'shared')).toThrow('Cannot lock /no/such/folder/lock')
})
