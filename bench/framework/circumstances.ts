import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { BenchPostgres } from './database.ts'
import { type PeerName, peerVersions } from './peers.ts'
import type { Circumstances } from './result.ts'
import type { Size } from './row.ts'

const root = join(import.meta.dirname, '..', '..')
const ourPackages = [
  'graphql',
  'graphql-yoga',
  '@pothos/core',
  '@prisma/client',
  'pg',
  'pg-boss',
  'graphql-ws',
]

/** When, where and with what a row is measured. */
export function describeCircumstances(
  size: Size,
  postgres: Pick<BenchPostgres, 'version' | 'settings'>,
  peers: readonly PeerName[],
): Circumstances {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    machine: {
      cores: availableParallelism(),
      model: cpus()[0]?.model.trim() ?? '',
      memoryGiB: Math.round(totalmem() / 1024 ** 3),
    },
    versions: {
      node: process.versions.node,
      postgres: postgres.version.split(' ')[0] ?? '',
      ...Object.fromEntries(ourPackages.map((name) => [name, dependencies[name] ?? ''])),
      ...Object.fromEntries(
        peers.flatMap((peer) =>
          Object.entries(peerVersions(peer)).map(([name, version]) => [`${peer}/${name}`, version]),
        ),
      ),
    },
    postgresSettings: postgres.settings,
    size,
  }
}

/** The commit, with `+` when files differ from it. */
function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
  try {
    const isChanged =
      git(
        'status',
        '--porcelain',
        '--untracked-files=no',
        '--',
        '.',
        ':!bench/results',
        ':!docs',
        ':!README.md',
      ) !== ''
    return git('rev-parse', '--short=12', 'HEAD') + (isChanged ? '+' : '')
  } catch {
    return 'unknown'
  }
}
