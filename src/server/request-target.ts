import type { IncomingMessage } from 'node:http'

/**
 * Reads the target of a request, and gives the request the path and the host of the target. A client of a proxy sends an
 * absolute URL, whose host replaces the Host header (RFC 9112, section 3.2.2).
 *
 * @returns the requested URL; null when the target or the Host header is not valid, or there are several Host headers
 */
export function takeTarget(request: IncomingMessage): URL | null {
  const { url = '', headers, headersDistinct } = request
  const hosts = headersDistinct.host ?? []
  if (hosts.length > 1 || !hosts.every(isHost)) return null
  const isAbsolute = /^https?:\/\//i.test(url)
  const address = isAbsolute ? url : `http://gateway${url}`
  if (!(isAbsolute || url.startsWith('/')) || !URL.canParse(address)) return null
  const target = new URL(address)
  if (target.username !== '' || target.password !== '') return null
  if (isAbsolute) headers.host = target.host
  request.url = target.pathname + target.search
  return target
}

/** True for a host with an optional port; delimiters of a URL are not valid in it. */
function isHost(host: string): boolean {
  return URL.canParse(`http://${host}`) && !/[/?#@\\]/.test(host)
}
