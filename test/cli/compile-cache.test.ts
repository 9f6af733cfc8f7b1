import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const cli = fileURLToPath(new URL('../../src/cli/cli.ts', import.meta.url))

test('compiled code is kept in the folder of the data once that exists, unless others can write it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-gateway-cache-'))
  // The start fails at its configuration, so it is short.
  const start = (dataDir: string) =>
    spawnSync(process.execPath, [cli, 'start'], {
      env: { DATA_DIR: dataDir, PORT: 'none' },
      encoding: 'utf8',
    })
  const missing = join(folder, 'missing')
  expect(start(missing)).toMatchObject({ status: 1, stderr: expect.stringContaining('PORT') })
  expect(existsSync(missing)).toBe(false)
  expect(start(folder)).toMatchObject({ status: 1, stderr: expect.stringContaining('PORT') })
  const [version = ''] = readdirSync(join(folder, 'compile-cache'))
  expect(readdirSync(join(folder, 'compile-cache', version)).length).toBeGreaterThan(100)
  // Another user could have put code there.
  const open = join(folder, 'open')
  mkdirSync(join(open, 'compile-cache'), { recursive: true })
  chmodSync(join(open, 'compile-cache'), 0o777)
  expect(start(open)).toMatchObject({ status: 1, stderr: expect.stringContaining('PORT') })
  expect(readdirSync(join(open, 'compile-cache'))).toEqual([])
  rmSync(folder, { recursive: true })
})

test('npm, systemd and the documentation start Node with the same options', () => {
  const read = (path: string) =>
    readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
  const flags = ['package.json', 'ops/systemd/report-gateway@.service', 'docs/operations/deploy.md'].map(
    (path) => /\bnode (.*)src\/cli\/cli\.ts start\b/.exec(read(path))?.[1],
  )
  expect(flags).toEqual(['--expose-gc ', '--expose-gc ', '--expose-gc '])
})
