import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findUncommittedMigration } from '../../prisma/uncommitted-migration.ts'

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-migrations-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function writeMigration(folder: string, name: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, name, 'migration.sql'), 'select 1')
}

test('finds a migration that is not committed, whether git tracks it or not', async () => {
  const root = await temporaryFolder()
  const folder = join(root, 'prisma', 'migrations')
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
      cwd: root,
      stdio: 'pipe',
    })
  git('init')
  await writeMigration(folder, '1_first')
  expect(findUncommittedMigration(folder)).toBe('1_first')
  git('add', '.')
  expect(findUncommittedMigration(folder)).toBe('1_first')
  git('commit', '--message', 'first')
  expect(findUncommittedMigration(folder)).toBeNull()
  await rm(join(folder, '1_first'), { recursive: true })
  expect(findUncommittedMigration(folder)).toBe('1_first')
  await writeMigration(folder, '1_first')
  await writeMigration(folder, '2_second')
  expect(findUncommittedMigration(folder)).toBe('2_second')
  await rm(join(folder, '2_second'), { recursive: true })
  expect(findUncommittedMigration(folder)).toBeNull()
})

test('finds none outside a repository', async () => {
  const folder = await temporaryFolder()
  await writeMigration(folder, '1_first')
  expect(findUncommittedMigration(folder)).toBeNull()
})
