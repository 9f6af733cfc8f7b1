import pino from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { startHttp } from '../../src/server/http.ts'
import { createOperations } from '../../src/server/operations.ts'
import { exchange } from '../support/raw-http.ts'

/** Serves the paths for operators, and a page for all others. */
async function serve(environment: Record<string, string>): Promise<string> {
  const http = await startHttp('127.0.0.1', 0, (error) => {
    throw error
  })
  onTestFinished(() => http.stop())
  const operations = createOperations(loadConfig(environment), pino({ level: 'silent' }))
  http.serve(operations.around(async (_request, response) => void response.end('A page')))
  return http.url
}

async function statusOf(url: string, target: string, host: string, ...more: string[]): Promise<string> {
  const lines = [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...more, 'Connection: close', '', '']
  return (await exchange(url, lines.join('\r\n'))).split(' ')[1] ?? ''
}

const paths = ['/health', '/metrics', '/graphql', '/files/rf_x', '/nothing', '/']

test('without DATABASE_URL, every path is served under a name of this machine only', async () => {
  const url = await serve({})
  for (const path of [...paths, '/ready']) {
    for (const host of [
      'foreign.example',
      'localhost.',
      'localhost.foreign.example',
      '10.0.0.1',
      '0.0.0.0',
    ]) {
      expect([path, host, await statusOf(url, path, host)]).toEqual([path, host, '403'])
      expect(
        await statusOf(url, path, host, 'X-Forwarded-Host: localhost', 'Forwarded: host=localhost'),
      ).toBe('403')
    }
    expect(await statusOf(url, `http://foreign.example${path}`, 'localhost')).toBe('403')
  }
  for (const path of paths) {
    for (const host of ['localhost', 'LOCALHOST:4000', '127.0.0.1:1', '[::1]:4000']) {
      expect([path, host, await statusOf(url, path, host)]).toEqual([path, host, '200'])
    }
    expect(await statusOf(url, `http://localhost${path}`, 'foreign.example')).toBe('200')
  }
})

test('with DATABASE_URL, a load balancer can use any name for its probes', async () => {
  const url = await serve({ DATABASE_URL: 'postgres://db.example/reports' })
  for (const path of paths) expect(await statusOf(url, path, '10.0.0.7:4000')).toBe('200')
})
