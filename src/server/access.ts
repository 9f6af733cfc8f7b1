import { type Config, isLocalHost } from '../config/config.ts'

/** Decides whether a request is served at all, over HTTP and WebSocket alike, by where it was sent and from which page. */
export type AccessRule = (headers: { host?: string | undefined; origin?: string | undefined }) => boolean

export type AccessOptions = Pick<Config, 'databaseUrl' | 'publicUrl' | 'allowedOrigins'>

/**
 * Which requests are served. Those that no page sent have no Origin. A page without an origin of its own ("null", as in
 * a sandbox) is foreign to all.
 *
 * On the embedded Postgres, only requests that name this machine are served, from its own pages and allowed ones. The
 * embedded default needs it, because its GraphiQL carries a key: without it, any website could point its own name at
 * 127.0.0.1 and read that page (DNS rebinding).
 *
 * With `databaseUrl`, the gateway's own pages and those of allowed origins are served, under whatever name it is reached.
 */
export function createAccessRule({ databaseUrl, publicUrl, allowedOrigins }: AccessOptions): AccessRule {
  const allowed = new Set([...allowedOrigins, ...(publicUrl === null ? [] : [new URL(publicUrl).origin])])
  const isAllowed = (origin: string): boolean => allowed.has('*') || allowed.has(origin)
  if (databaseUrl === null) {
    return ({ host, origin }) =>
      isLocalUrl(`http://${host}`) && (origin === undefined || isLocalUrl(origin) || isAllowed(origin))
  }
  return ({ host, origin }) => origin === undefined || isOwnPage(host, origin) || isAllowed(origin)
}

export function explainAccess({ databaseUrl }: AccessOptions): string {
  return databaseUrl === null
    ? 'This gateway serves only requests to this machine, from pages of this machine; ALLOWED_ORIGINS adds other pages.'
    : 'This gateway does not serve pages of that origin. Its operator can add the origin to ALLOWED_ORIGINS.'
}

function isLocalUrl(url: string): boolean {
  return URL.canParse(url) && isLocalHost(new URL(url).hostname)
}

/** True when the page was loaded from where the request is sent; a proxy may have taken TLS off in between. */
function isOwnPage(host: string | undefined, origin: string): boolean {
  if (host === undefined || !URL.canParse(origin)) return false
  const page = new URL(origin)
  const asked = `${page.protocol}//${host}`
  // Compared as addresses, so that ":443" and capital letters make no difference. "null" and "file:" have no host.
  return page.host !== '' && URL.canParse(asked) && new URL(asked).host === page.host
}
