import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ClientError } from './client-error.ts'

export type AddressOptions = {
  /** Address as given; when absent, that of `host` and `port`. */
  url: string | undefined
  /** Where a gateway of this folder listens. */
  host: string
  port: number
}

export type KeyOptions = {
  /** Key as given, in `REPORT_GATEWAY_KEY`. */
  key: string | undefined
  /** True when the run has to be in live mode. */
  live: boolean
  /** Host of the gateway of this folder. */
  host: string
  /** Folder of that gateway, where its demo keys are. */
  dataDir: string
}

/**
 * The gateway's address, without a slash at the end.
 *
 * @throws ClientError when it is none; the message holds nothing of it, as it may hold a password
 */
export function readAddress({ url: given, host, port }: AddressOptions): string {
  const text = given ?? `http://${inUrl(reachable(host))}:${port}`
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new ClientError('The address of the gateway has to be of the form http://HOST:PORT.')
  }
  // The address that a gateway prints is that of GraphiQL.
  return url.href.replace(/\/+$/, '').replace(/\/graphql$/, '')
}

/**
 * The key as given, or else the demo key of the gateway of this folder.
 *
 * @returns the key, and where it was found
 * @throws ClientError when there is none
 */
export async function findKey(
  address: string,
  { key: given, live, host, dataDir }: KeyOptions,
): Promise<{ key: string; source: string }> {
  if (given) {
    if (!live || given.startsWith('sk_live_')) return { key: given, source: 'REPORT_GATEWAY_KEY' }
    throw new ClientError(
      'The key in REPORT_GATEWAY_KEY is no live key. Leave --live out, or set another key.',
    )
  }
  // No other machine gets to see the demo keys of this one.
  const isHere = ['127.0.0.1', 'localhost', '[::1]', inUrl(host)].includes(new URL(address).hostname)
  const file = join(dataDir, 'keys.json')
  const found = isHere ? await readDemoKey(file, live) : null
  if (found) return { key: found, source: file }
  const where = isHere ? `, and there is no demo key in ${file}: "npm start" makes one` : ''
  throw new ClientError(
    `There is no API key. REPORT_GATEWAY_KEY is not set${where}. For a database of your own, "npm run keys -- create" makes one.`,
  )
}

const demoKeys = z.object({ test: z.string(), live: z.string() }).partial()

/** An IPv6 address stands in brackets in a URL. */
function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** A gateway that listens on every address is reached by the one that leads back to this machine. */
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
