import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type PinnedProcess, startPinned } from './pinned.ts'

const folder = join(import.meta.dirname, '..', 'peers')

/** A folder of bench/peers, which has its own packages. */
export type PeerName = 'chart' | 'duckdb' | 'floor' | 'mercurius' | 'postgraphile' | 'stock'

/** The folder of a peer. */
export function folderOf(name: PeerName): string {
  return join(folder, name)
}

/** Installs the packages of a peer when they are missing or older than its lock file. */
export function installPeer(name: PeerName): void {
  const path = folderOf(name)
  const installed = join(path, 'node_modules', '.package-lock.json')
  const isCurrent =
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(path, 'package-lock.json')).mtimeMs
  const npm = (...args: string[]) =>
    execFileSync('npm', args, { cwd: path, stdio: ['ignore', 'ignore', 'inherit'] })
  if (!isCurrent) npm('ci', '--ignore-scripts')
  npm('run', '--if-present', 'generate')
}

/** Starts the server of a peer: a script of its folder. */
export function startPeer(
  name: PeerName,
  environment: Readonly<Record<string, string>>,
  script = 'server.js',
): Promise<PinnedProcess> {
  const path = folderOf(name)
  return startPinned({ program: process.execPath, args: [join(path, script)], environment, folder: path })
}

/** The packages of a peer with their versions. */
export function peerVersions(name: PeerName): Record<string, string> {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(folderOf(name), 'package.json'), 'utf8'),
  )
  return dependencies
}
