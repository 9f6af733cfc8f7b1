import type { IncomingMessage } from 'node:http'
import { type Config, isLocalHost } from '../config/config.ts'

/** The headers with which a proxy names its client or itself: X-Forwarded-For, Via, Fastly-Client-IP and the like. */
const proxyHeader = /forwarded|^via$|(client|connecting|real|user)-?ip$|^x-envoy-/

/** Decides whether a request over HTTP or WebSocket is served, from its Host and Origin headers. */
export type AccessRule = (headers: { host?: string | undefined; origin?: string | undefined }) => boolean

/** Decides by its Host header whether a request is served. */
export type HostRule = (headers: { host?: string | undefined }) => boolean

type ReceivedRequest = Pick<IncomingMessage, 'headers' | 'httpVersion'> & {
  socket: { remoteAddress?: string | undefined }
}

export type AccessOptions = Pick<Config, 'databaseUrl' | 'publicUrl' | 'allowedOrigins'>

/**
 * Creates the rule that decides which requests are served. A request that does not come from a page has no Origin. A page
 * with the opaque origin "null", as in a sandbox, counts as foreign.
 *
 * With the embedded Postgres, a request is served when its Host is this machine and its Origin is absent, this machine or
 * allowed. The check of the Host is necessary because the GraphiQL page contains a key: without it, any website could
 * point its own name at 127.0.0.1 and read that page (DNS rebinding).
 *
 * With `databaseUrl`, every Host is served when the Origin is absent, the gateway's own or allowed.
 */
export function createAccessRule({ databaseUrl, publicUrl, allowedOrigins }: AccessOptions): AccessRule {
  const allowed = new Set([...allowedOrigins, ...(publicUrl === null ? [] : [new URL(publicUrl).origin])])
  const isAllowed = (origin: string): boolean => allowed.has('*') || allowed.has(origin)
  if (databaseUrl === null) {
    const isServed = createHostRule({ databaseUrl })
    return ({ host, origin }) =>
      isServed({ host }) && (origin === undefined || isLocalUrl(origin) || isAllowed(origin))
  }
  return ({ host, origin }) => origin === undefined || isOwnPage(host, origin) || isAllowed(origin)
}

/** Creates the part of the rule that applies to every path: with the embedded Postgres, the Host must be this machine. */
export function createHostRule({ databaseUrl }: Pick<AccessOptions, 'databaseUrl'>): HostRule {
  return ({ host }) => databaseUrl !== null || isLocalUrl(`http://${host}`)
}

/**
 * True when a browser on this machine sends a request, and not a proxy on it. A proxy is recognized by its headers, and by
 * HTTP/1.0 or a connection that it does not ask to keep: every browser sends `Connection: keep-alive`.
 */
export function isFromThisMachine({ socket, headers, httpVersion }: ReceivedRequest): boolean {
  return (
    isLoopback(socket.remoteAddress) &&
    httpVersion === '1.1' &&
    headers.connection?.toLowerCase() === 'keep-alive' &&
    !Object.keys(headers).some((name) => proxyHeader.test(name))
  )
}

export function explainAccess({ databaseUrl }: AccessOptions): string {
  return databaseUrl === null
    ? 'This gateway accepts only requests to this machine, from pages of this machine. To accept another page, add its origin to ALLOWED_ORIGINS.'
    : 'This gateway does not accept requests from pages of this origin. Its operator can add the origin to ALLOWED_ORIGINS.'
}

/** True for a loopback address, also when an IPv6 socket has accepted it over IPv4. */
function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/i.test(address)
}

function isLocalUrl(url: string): boolean {
  return URL.canParse(url) && isLocalHost(new URL(url).hostname)
}

/** True when the page was loaded from the requested host. Protocols are not compared, because a proxy may terminate TLS. */
function isOwnPage(host: string | undefined, origin: string): boolean {
  if (host === undefined || !URL.canParse(origin)) return false
  const page = new URL(origin)
  const requested = `${page.protocol}//${host}`
  // Compared as URLs, so that ":443" and capital letters make no difference. "null" and "file:" have no host.
  return page.host !== '' && URL.canParse(requested) && new URL(requested).host === page.host
}
