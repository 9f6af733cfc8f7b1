import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ClientError } from './client-error.ts'
import type { GatewayAddress } from './request-graphql.ts'

export type GatewayOptions = {
  /** Address from `--url` or `GATEWAY_URL`; when absent, the gateway of this folder is used. */
  url: string | undefined
  /** Where the gateway of this folder listens. */
  host: string
  port: number
  /** Where that gateway keeps its demo keys. */
  dataDir: string
  /** Key from `REPORT_GATEWAY_KEY`. */
  key: string | undefined
  live: boolean
}

/**
 * Finds the gateway to use, and its key: the given one, or else the demo key of the gateway of this folder.
 *
 * @returns the address, the key, and where the key was found
 * @throws ClientError when the address is not valid, or there is no key
 */
export async function findGateway(options: GatewayOptions): Promise<GatewayAddress & { keySource: string }> {
  const url = readUrl(options)
  if (options.key) {
    if (!options.live || options.key.startsWith('sk_live_'))
      return { url, key: options.key, keySource: 'REPORT_GATEWAY_KEY' }
    throw new ClientError(
      'The key in REPORT_GATEWAY_KEY is not a live key. Leave --live out, or set another key.',
    )
  }
  // The demo keys of this machine are not sent to another one.
  const isHere = ['127.0.0.1', 'localhost', '[::1]', inUrl(options.host)].includes(new URL(url).hostname)
  const file = join(options.dataDir, 'keys.json')
  const key = isHere ? await readDemoKey(file, options.live) : null
  if (key) return { url, key, keySource: file }
  const where = isHere ? `, and there is no demo key in ${file}: "npm start" creates one` : ''
  throw new ClientError(
    `There is no API key. REPORT_GATEWAY_KEY is not set${where}. For an external database, "npm run keys -- create" creates one.`,
  )
}

/** Returns the URL without a trailing slash. The error does not show the address, which may contain a password. */
function readUrl({ url: given, host, port }: GatewayOptions): string {
  const text = given ?? `http://${inUrl(reachable(host))}:${port}`
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new ClientError('The address of the gateway must have the form http://HOST:PORT.')
  }
  // The address that a gateway prints is the address of GraphiQL.
  return url.href.replace(/\/+$/, '').replace(/\/graphql$/, '')
}

const demoKeys = z.object({ test: z.string(), live: z.string() }).partial()

/** In a URL, an IPv6 address is in brackets. */
function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** A gateway that listens on every address is reached through the loopback address. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

async function readDemoKey(file: string, live: boolean): Promise<string | null> {
  try {
    const keys = demoKeys.parse(JSON.parse(await readFile(file, 'utf8')))
    return keys[live ? 'live' : 'test'] ?? null
  } catch {
    return null
  }
}
