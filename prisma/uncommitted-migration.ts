import { execFileSync } from 'node:child_process'

/**
 * Returns the name of a migration that the last commit lacks, or has although it was deleted; null when there is none, or no
 * repository.
 *
 * @param folder the folder `migrations`
 */
export function findUncommittedMigration(folder: string): string | null {
  const args = ['status', '--porcelain', '-z', '--untracked-files=all', '--', '.']
  let status: string
  try {
    status = execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  } catch {
    return null
  }
  // Untracked, added and deleted files.
  const differing = status.split('\0').filter((line) => /^(?:\?\?|A.|D.|.D) .*\/migration\.sql$/s.test(line))
  return differing.map((line) => line.split('/').at(-2)).find((name) => name !== undefined) ?? null
}
