import { mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { makeDataFolder } from '../../src/config/folder.ts'
import { ConfigurationError } from '../../src/errors.ts'

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'report-gateway-folder-')))
  return () => rm(folder, { recursive: true })
})

test('a folder is created with the folders above it, once, and found through a link', async () => {
  const path = join(folder, 'a/b/c')
  expect(await Promise.all([makeDataFolder(path, 0o700), makeDataFolder(path, 0o700)])).toEqual([path, path])
  expect((await stat(path)).mode & 0o777).toBe(0o700)
  await symlink(join(folder, 'a'), join(folder, 'link'))
  expect(await makeDataFolder(join(folder, 'link/b/c'), 0o700)).toBe(path)
})

test.runIf(process.platform === 'linux')('every reason against a folder is a sentence at once', async () => {
  await writeFile(join(folder, 'file'), '')
  await symlink('circle', join(folder, 'circle'))
  await symlink('/nowhere', join(folder, 'dangling'))
  for (const [path, reason] of [
    [join(folder, 'file'), 'not a folder'],
    [join(folder, 'file/below'), 'not a folder'],
    [join(folder, 'circle'), 'a circle of links'],
    [join(folder, 'dangling'), 'no new folders'],
    [join(folder, 'x'.repeat(300)), 'too long'],
    // Node's own recursive mkdir never ends for this one.
    ['/proc/nope', 'accepts no new folders there'],
    ['/proc/nope/below', 'accepts no new folders there'],
    ['/dev/null', 'not a folder'],
  ] as const) {
    const error = await makeDataFolder(path, 0o700).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(String(error)).toContain(`Cannot use the folder ${path}: `)
    expect(String(error)).toContain(reason)
    expect(String(error)).toContain('Set DATA_DIR to a folder that this user can write to.')
  }
})

test.runIf(process.getuid?.() !== 0)('a folder that this user cannot write to is refused', async () => {
  await mkdir(join(folder, 'closed'), { mode: 0o500 })
  await expect(makeDataFolder(join(folder, 'closed'), 0o700)).rejects.toThrow('no permission')
  await expect(makeDataFolder(join(folder, 'closed/new'), 0o700)).rejects.toThrow('no permission')
})
