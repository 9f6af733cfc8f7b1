import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { createPool, createPrisma, type Prisma } from '../../src/postgres/client.ts'
import type { AnyReportType } from '../../src/reports/report-type.ts'
import { createGateway } from '../../src/server/gateway.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { createGraphqlClient, type GraphqlClient } from './graphql-client.ts'

export type TestAccount = {
  accountId: string
  livemode: boolean
  apiKeyId: string
  key: string
  client: GraphqlClient
}

export type TestGateway = AsyncDisposable & {
  /** `http://127.0.0.1:PORT` */
  url: string
  database: TestDatabase
  prisma: Prisma
  dataDir: string
  /** What the gateway logged, parsed. */
  logged: Record<string, unknown>[]
  /** A new account with one key. */
  createAccount(options?: { livemode?: boolean; accountId?: string }): Promise<TestAccount>
}

export type TestGatewayOptions = {
  /** True to create the demo account (`demoAccountId`) with its ledger, which ends at `demoLedgerEnd`. */
  withLedger?: boolean
  config?: Partial<Config>
  reportTypes?: readonly AnyReportType[]
  now?: () => Date
  /** Database to start on, which is kept at the end; a new one unless given. */
  database?: TestDatabase
  /** Folder for data, which is kept at the end; a new one unless given. */
  dataDir?: string
}

async function makeFolder(cleanup: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Starts a gateway with its worker, on its own database, port and folder, by default without the demo account. */
export async function startTestGateway({
  config = {},
  withLedger = false,
  ...options
}: TestGatewayOptions = {}): Promise<TestGateway> {
  const cleanup = new AsyncDisposableStack()
  try {
    const database = options.database ?? cleanup.use(await createTestDatabase(withLedger))
    const dataDir = options.dataDir ?? (await makeFolder(cleanup))
    const logged: Record<string, unknown>[] = []
    const logger = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
    const gateway = createGateway({
      config: {
        ...loadConfig({ PORT: '0', DATABASE_URL: database.url, DATA_DIR: dataDir, CONCURRENCY: '2' }),
        logLevel: 'debug',
        ...config,
      },
      logger,
      ...options,
    })
    const { url } = await gateway.start()
    cleanup.defer(gateway.stop)
    const pool = createPool({ url: database.url, max: 2, applicationName: 'test', onError: () => {} })
    cleanup.defer(() => pool.end())
    const prisma = createPrisma(pool)
    cleanup.defer(() => prisma.$disconnect())

    const createAccount: TestGateway['createAccount'] = async (account = {}) => {
      const { livemode = false, accountId = newId(idPrefixes.account, new Date()) } = account
      await prisma.account.createMany({ data: { id: accountId, name: 'Test' }, skipDuplicates: true })
      const { apiKey, secret } = await createApiKey(prisma, { accountId, livemode, name: 'Test key' })
      return {
        accountId,
        livemode,
        apiKeyId: apiKey.id,
        key: secret,
        client: createGraphqlClient(url, secret),
      }
    }
    const opened = cleanup.move()
    return {
      url,
      database,
      prisma,
      dataDir,
      logged,
      createAccount,
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    }
  } catch (error) {
    await cleanup.disposeAsync()
    throw error
  }
}

/** A gateway with a worker, and another without a worker on the same database, as behind a load balancer. */
export type TwoGateways = AsyncDisposable & { first: TestGateway; second: TestGateway }

export async function startTwoGateways({ config, ...options }: TestGatewayOptions): Promise<TwoGateways> {
  await using cleanup = new AsyncDisposableStack()
  const first = cleanup.use(await startTestGateway({ ...options, config: { ...config } }))
  const { database, dataDir } = first
  const second = cleanup.use(
    await startTestGateway({ ...options, config: { ...config, role: 'gateway' }, database, dataDir }),
  )
  const opened = cleanup.move()
  return { first, second, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
