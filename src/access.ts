/** The headers that say where a request was sent and from which page it comes. */
export type OriginHeaders = { host?: string | undefined; origin?: string | undefined }

/** Decides whether a request is served at all. */
export type AccessRule = (headers: OriginHeaders) => boolean

const localNames = new Set(['localhost', '127.0.0.1', '[::1]'])

const hostnameOf = (url: string): string | null => (URL.canParse(url) ? new URL(url).hostname : null)

/**
 * Serves only requests that name this machine, from pages of this machine. The embedded default needs it, because its
 * GraphiQL carries a key: without it, any website could point its own name at 127.0.0.1 and read that page (DNS
 * rebinding).
 *
 * @param publicUrl one more address that may be named; null for none
 */
export const localOnly = (publicUrl: string | null): AccessRule => {
  const names = new Set([...localNames, ...(publicUrl ? [hostnameOf(publicUrl)] : [])])
  return ({ host, origin }) =>
    names.has(hostnameOf(`http://${host}`)) && (origin === undefined || names.has(hostnameOf(origin)))
}

/** Serves every request: the key decides what it may see. */
export const everyone: AccessRule = () => true
