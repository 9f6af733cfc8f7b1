import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { pathOf } from './debian-tools.ts'
import { makeUnprivilegedFolder, onFreePort, spawnUnprivileged } from './unprivileged.ts'

export type PgBouncer = AsyncDisposable & {
  /** The same URL through PgBouncer. */
  through(url: string): string
}

/**
 * Starts a PgBouncer of Debian in front of a server. Use it inside `describeWith(['pgbouncer', …], …)`.
 *
 * @param targetUrl address with the user and password that clients use, too
 * @param settings lines of `[pgbouncer]`, such as `pool_mode`
 */
export async function startPgBouncer(
  targetUrl: string,
  settings: Record<string, string> = {},
): Promise<PgBouncer> {
  await using cleanup = new AsyncDisposableStack()
  const { path: folder } = cleanup.use(await makeUnprivilegedFolder())
  const { hostname, port: targetPort, username, password } = new URL(targetUrl)
  const users = join(folder, 'users.txt')
  await writeFile(users, `"${username}" "${password}"\n`)
  const startOn = async (port: number): Promise<(url: string) => string> => {
    const all = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'plain',
      auth_file: users,
      ...settings,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
    const file = join(folder, 'pgbouncer.ini')
    const databases = ['[databases]', `* = host=${hostname} port=${targetPort}`]
    await writeFile(file, [...databases, '[pgbouncer]', ...lines, ''].join('\n'))
    const bouncer = await spawnUnprivileged(pathOf('pgbouncer'), [file])
    cleanup.defer(() => bouncer.end('SIGTERM'))
    const through = (url: string): string => {
      const by = new URL(url)
      by.host = `127.0.0.1:${port}`
      return by.href
    }
    await bouncer.waitUntil(async () => {
      const client = new pg.Client({ connectionString: through(targetUrl) })
      await client.connect()
      await client.end()
    })
    return through
  }
  const through = await onFreePort(startOn)
  const own = cleanup.move()
  return { through, [Symbol.asyncDispose]: () => own.disposeAsync() }
}
