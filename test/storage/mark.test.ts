import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storageCommand } from '../../src/cli/commands/storage.ts'
import { openFileStore } from '../../src/storage/file-store.ts'
import { openMarkedStorage } from '../../src/storage/mark.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { runCommand } from '../support/run-command.ts'
import { createSlowRun, endOf, slowReport } from '../support/slow-report.ts'

const never = new AbortController().signal

let gateway: TestGateway
let account: TestAccount
let folder: string
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport] })
  account = await gateway.createAccount()
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-mark-'))
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Opens the file store in another data folder, as another process of the same database does. */
async function openIn(dataDir: string, canWrite = true) {
  const store = await openFileStore({ dataDir, s3: null })
  return openMarkedStorage({ prisma: gateway.prisma, store }, canWrite)
}

async function readyOf(): Promise<{ code: number; storage: string }> {
  const response = await fetch(`${gateway.url}/ready`)
  const { checks }: { checks: { storage: string } } = await response.json()
  return { code: response.status, storage: checks.storage }
}

describe('a process with another file store than the first of its database', () => {
  test.each(['gateway', 'worker'] as const)(
    'as a %s does not start, and says what to change',
    async (role) => {
      const dataDir = join(folder, `other-${role}`)
      const starting = startTestGateway({ database: gateway.database, dataDir, config: { role } })
      await expect(starting).rejects.toMatchObject({
        name: 'ConfigurationError',
        message: expect.stringMatching(
          /^The folder .*\/other-\w+\/files of .+ cannot be the file store of this database: it is empty, or is not mounted\. The folder .*\/files of .+ has the files of this database, since .+ Give every process the same DATA_DIR/,
        ),
      })
    },
  )

  test('does not start on the store of another database either', async () => {
    const dataDir = join(folder, 'foreign')
    await using other = await startTestGateway({ dataDir })
    expect((await fetch(`${other.url}/ready`)).status).toBe(200)
    await expect(openIn(dataDir)).rejects.toThrow(/it belongs to another database\./)
  })

  test('starts when the files were copied to its store', async () => {
    const dataDir = join(folder, 'copy')
    await cp(gateway.dataDir, dataDir, { recursive: true })
    await (await openIn(dataDir)).check()
  })
})

test('of two stores at the first start on a database, one is the store', async () => {
  await gateway.prisma.storageMark.deleteMany()
  const opened = await Promise.allSettled(['one', 'two', 'three'].map((name) => openIn(join(folder, name))))
  expect(opened.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
  await gateway.prisma.storageMark.deleteMany()
  await (await openIn(gateway.dataDir)).check()
})

test('a database of an earlier version accepts the store with its files, and no empty one', async () => {
  expect((await endOf(account.client, await createSlowRun(account.client))).status).toBe('SUCCEEDED')
  await gateway.prisma.storageMark.deleteMany()
  await expect(openIn(join(folder, 'empty'))).rejects.toThrow(
    /This database has files, and none of them is there\./,
  )
  await rm(join(gateway.dataDir, 'files', 'report-gateway-store'))
  await (await openIn(gateway.dataDir)).check()
  // The running process continues with the new mark.
  expect((await endOf(account.client, await createSlowRun(account.client))).status).toBe('SUCCEEDED')
})

test('a worker does not start on a store that it cannot write to; a gateway does', async () => {
  const files = join(gateway.dataDir, 'files')
  const store = await openFileStore({ dataDir: gateway.dataDir, s3: null })
  const readOnly = {
    place: store.place,
    storage: { ...store.storage, write: async () => Promise.reject(await diskError()) },
  }
  const open = (canWrite: boolean) => openMarkedStorage({ prisma: gateway.prisma, store: readOnly }, canWrite)
  await expect(open(true)).rejects.toThrow(
    `The folder ${files} of ${hostname()} cannot be used as the file store: the system reported`,
  )
  await (await open(false)).check()
})

/** What the local storage throws when its disk refuses a write. */
async function diskError(): Promise<unknown> {
  const { storage } = await openFileStore({ dataDir: folder, s3: null })
  await mkdir(join(folder, 'files', 'taken'), { recursive: true })
  return storage.write('taken', [Readable.from([])], never).catch((error: unknown) => error)
}

test('a volume that goes away turns /ready off, and nothing is written, deleted or called deleted until it is back', async () => {
  const { client } = account
  const id = await createSlowRun(client)
  const url = (await endOf(client, id)).result?.files[0]?.download.url ?? ''
  const [files, away] = [join(gateway.dataDir, 'files'), join(gateway.dataDir, 'away')]
  await rename(files, away)
  await mkdir(files)
  await expect.poll(readyOf).toEqual({ code: 503, storage: 'down' })

  const { failure } = await endOf(client, await createSlowRun(client))
  expect(failure).toMatchObject({
    code: 'STORAGE_ERROR',
    message:
      'The file could not be stored: this process does not have the file store of its database. No part of it was kept. Try again later.',
    isRetryable: true,
  })
  const response = await fetch(url)
  expect([response.status, await response.text()]).toEqual([
    500,
    'The file cannot be read. Try again later.\n',
  ])
  for (const document of [
    '{ node(id: "ID") { ... on ReportRun { result { files { download { url } } } } } }',
    '{ node(id: "ID") { ... on ReportRun { result { rows(first: 1) { rows } } } } }',
    'mutation { deleteReportRun(input: { id: "ID" }) { deletedId } }',
  ]) {
    const { errors } = await client.execute(document.replace('ID', id))
    expect(errors, document).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }])
  }

  await rm(files, { recursive: true })
  await rename(away, files)
  await expect.poll(readyOf).toEqual({ code: 200, storage: 'up' })
  expect((await fetch(url)).status).toBe(200)
  expect((await endOf(client, await createSlowRun(client))).status).toBe('SUCCEEDED')
})

test('npm run storage -- adopt makes another store the store, and a process with the earlier one stops using it', async () => {
  const dataDir = join(folder, 'adopted')
  const environment = { DATABASE_URL: gateway.database.url, DATA_DIR: dataDir }
  const [now, before] = await runCommand(storageCommand, ['adopt'], environment)
  expect(now).toMatch(/is now: The folder .*\/adopted\/files of /)
  expect(before).toContain(join(gateway.dataDir, 'files'))
  await (await openIn(dataDir)).check()
  expect((await endOf(account.client, await createSlowRun(account.client))).failure?.code).toBe(
    'STORAGE_ERROR',
  )
  await expect.poll(readyOf).toEqual({ code: 503, storage: 'down' })
  await expect(runCommand(storageCommand, [], environment)).rejects.toThrow('npm run storage -- adopt')
  expect(await readFile(join(dataDir, 'files', 'report-gateway-store'), 'utf8')).toMatch(/^\w{20}\n$/)
})

test('a data folder that cannot be used is named in a sentence', async () => {
  const dataDir = join(folder, 'adopted', 'files', 'report-gateway-store')
  await expect(openFileStore({ dataDir, s3: null })).rejects.toMatchObject({
    name: 'ConfigurationError',
    message: expect.stringMatching(/^Cannot use the folder .* is not a folder\. Set DATA_DIR to /),
  })
})
