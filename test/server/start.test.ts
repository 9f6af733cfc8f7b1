import { mkdtemp, rm } from 'node:fs/promises'
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
