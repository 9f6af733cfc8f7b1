import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { expect, test, vi } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { createGateway } from '../../src/server/gateway.ts'
import { createTestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'

test('a request that arrives during the start is answered when the gateway is ready', async () => {
  await using database = await createTestDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) }
  const port = await freePort()
  const gateway = createGateway({
    config: loadConfig({
      PORT: String(port),
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      ROLE: 'gateway',
    }),
    logger: pino({ level: 'silent' }),
  })
  const started = gateway.start()
  const url = `http://127.0.0.1:${port}`
  // The port is open before anything else.
  const ready = await vi.waitFor(() => fetch(`${url}/ready`), { timeout: 30_000, interval: 1 })
  const answer = fetch(`${url}/graphql?query={__typename}`)
  expect(await ready.json()).toMatchObject({ status: 'starting' })
  expect((await answer).status).toBe(200)
  await started
  await gateway.stop()
})

test('a request that arrives during a start that fails is answered before the server stops', async () => {
  const connections = new Set<Socket>()
  // Accepts connections, and does not speak.
  const postgres = createServer((socket) => connections.add(socket)).listen(0, '127.0.0.1')
  await once(postgres, 'listening')
  const port = await freePort()
  const gateway = createGateway({
    config: loadConfig({
      PORT: String(port),
      // A cast, because a server that listens on TCP has an address of this form.
      DATABASE_URL: `postgres://u:p@127.0.0.1:${(postgres.address() as AddressInfo).port}/d`,
      ROLE: 'gateway',
    }),
    logger: pino({ level: 'silent' }),
  })
  const failed = expect(gateway.start()).rejects.toThrow()
  await vi.waitFor(() => expect(connections.size).toBeGreaterThan(0), { timeout: 30_000 })
  const answer = fetch(`http://127.0.0.1:${port}/graphql?query={__typename}`)
  // A later request on the same server is answered, so the first one has arrived.
  await fetch(`http://127.0.0.1:${port}/health`)
  const stopped = gateway.stop()
  for (const socket of connections) socket.destroy()
  const { status, headers } = await answer
  expect([status, headers.get('retry-after')]).toEqual([503, '1'])
  await Promise.all([failed, stopped])
  postgres.close()
})
