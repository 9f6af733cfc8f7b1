import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { spawnGateway } from '../../support/gateway-process.ts'
import { createGraphqlClient } from '../../support/graphql-client.ts'
import { endOf } from '../../support/slow-report.ts'

function postgresPids(output: string): number[] {
  return [...output.matchAll(/Postgres \(process (\d+)\)/g)].map(([, pid]) => Number(pid))
}

/** False also for a zombie, whose state is Z. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/ready`)).status === 200
}

test('a gateway or a worker restarts a killed Postgres for both', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-revival-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  const environment = { DATA_DIR: join(folder, 'data') }
  await using gateway = spawnGateway({ ...environment, ROLE: 'gateway' })
  await using worker = spawnGateway({ ...environment, ROLE: 'worker' })
  const urls = await Promise.all([gateway.ready(), worker.ready()])
  const killed = postgresPids(gateway.output() + worker.output())[0] ?? 0
  const { test: key } = JSON.parse(await readFile(join(environment.DATA_DIR, 'keys.json'), 'utf8'))

  process.kill(killed, 'SIGKILL')
  await vi.waitFor(async () => expect(await Promise.all(urls.map(isReady))).not.toEqual([true, true]), 30_000)
  await vi.waitFor(async () => expect(await Promise.all(urls.map(isReady))).toEqual([true, true]), 30_000)
  const client = createGraphqlClient(urls[0] ?? '', key)
  const { createReportRun } = await client.request<{ createReportRun: { reportRun: { id: string } } }>(
    'mutation { createReportRun(input: { report: { balanceSummary1: { interval: { relative: PREVIOUS_MONTH } } } }) { reportRun { id } } }',
  )
  expect((await endOf(client, createReportRun.reportRun.id)).status).toBe('SUCCEEDED')

  const revived = new Set(postgresPids(gateway.output() + worker.output()))
  revived.delete(killed)
  // One process started it, and the other one found it.
  expect(revived.size).toBe(1)
  gateway.child.kill('SIGTERM')
  expect(await gateway.ended()).toBe(0)
  expect(await isReady(urls[1] ?? '')).toBe(true)
  worker.child.kill('SIGTERM')
  expect(await worker.ended()).toBe(0)
  const [pid = 0] = revived
  expect(isAlive(pid)).toBe(false)
}, 90_000)
