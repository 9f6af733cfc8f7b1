import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findGateway, type GatewayOptions } from '../../../src/cli/client/gateway-address.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-address-'))
  await writeFile(join(folder, 'keys.json'), JSON.stringify({ test: 'demo test key', live: 'demo live key' }))
})
afterAll(() => rm(folder, { recursive: true }))

function find(options: Partial<GatewayOptions>): ReturnType<typeof findGateway> {
  return findGateway({
    url: undefined,
    host: '127.0.0.1',
    port: 4000,
    dataDir: folder,
    key: undefined,
    live: false,
    ...options,
  })
}

describe('the address', () => {
  test.each<[string, Partial<GatewayOptions>, string]>([
    ['where the gateway of this folder listens', { host: '192.0.2.7' }, 'http://192.0.2.7:4000'],
    ['of this machine when that listens on every address', { host: '0.0.0.0' }, 'http://127.0.0.1:4000'],
    ['of this machine in IPv6 likewise', { host: '::' }, 'http://[::1]:4000'],
    ['of IPv6 in brackets', { host: '2001:db8::7' }, 'http://[2001:db8::7]:4000'],
    ['that is given', { url: 'https://reports.example' }, 'https://reports.example'],
    ['that is given, below a path', { url: 'https://example.com/reports//' }, 'https://example.com/reports'],
    ['of GraphiQL, as a gateway prints it', { url: 'http://example.com/graphql/' }, 'http://example.com'],
  ])('is that %s', async (_what, options, url) => {
    expect(await find({ key: 'a key', ...options })).toEqual({
      url,
      key: 'a key',
      keySource: 'REPORT_GATEWAY_KEY',
    })
  })

  test.each([
    'example.com:4000',
    'ftp://example.com',
    'http://someone:hunter2@example.com',
    'http://hunter2@example.com',
    'http://example.com/?key=hunter2',
    'http://example.com/#hunter2',
    'not an address: hunter2',
  ])('is refused without being shown, since it may hold a password: %s', async (url) => {
    const error = await find({ url, key: 'a key' }).catch(String)
    expect(error).toMatch(/^ClientError: .*http:\/\/HOST:PORT/)
    expect(error).not.toMatch(/hunter2|example/)
  })
})

describe('the demo key', () => {
  test.each(['http://localhost:4000', 'http://[::1]:4000', undefined])(
    'of this folder is used for this machine: %s',
    async (url) => {
      const keySource = join(folder, 'keys.json')
      expect(await find({ url })).toMatchObject({ key: 'demo test key', keySource })
      expect(await find({ url, live: true })).toMatchObject({ key: 'demo live key', keySource })
    },
  )

  test('of this folder is used for the address that its gateway listens on', async () => {
    expect(await find({ host: '2001:db8::7' })).toMatchObject({ key: 'demo test key' })
  })

  test('gives way to a key that is given', async () => {
    expect(await find({ key: 'sk_live_given', live: true })).toMatchObject({ key: 'sk_live_given' })
  })

  test('is not used in place of a given key that is not a live one', async () => {
    await expect(find({ key: 'sk_test_given', live: true })).rejects.toThrow(/REPORT_GATEWAY_KEY.*--live/)
  })

  test.each([
    ['is missing', null],
    ['is no JSON', 'demo test key'],
    ['is not a key', '{"test": 7}'],
    ['is of the other mode alone', '{"live": "demo live key"}'],
  ])('that %s is missed with the file that it is kept in', async (_what, content) => {
    const dataDir = await mkdtemp(join(folder, 'data-'))
    const file = join(dataDir, 'keys.json')
    if (content !== null) await writeFile(file, content)
    const error = await find({ dataDir }).catch(String)
    expect(error).toContain(`no demo key in ${file}`)
    expect(error).toContain('npm run keys -- create')
  })

  test('is not sent to another machine', async () => {
    const error = await find({ url: 'https://reports.example' }).catch(String)
    expect(error).toMatch(/^ClientError: .*REPORT_GATEWAY_KEY is not set/)
    expect(error).not.toContain(folder)
  })
})
