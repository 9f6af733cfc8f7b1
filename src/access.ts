import { isLocalHost } from './config.ts'

/** The headers that say where a request was sent and from which page it comes. */
export type OriginHeaders = { host?: string | undefined; origin?: string | undefined }

/** Decides whether a request is served at all. */
export type AccessRule = (headers: OriginHeaders) => boolean

const isLocalUrl = (url: string): boolean => URL.canParse(url) && isLocalHost(new URL(url).hostname)

/**
 * Serves only requests that name this machine, from pages of this machine. The embedded default needs it, because its
 * GraphiQL carries a key: without it, any website could point its own name at 127.0.0.1 and read that page (DNS
 * rebinding).
 */
export const localOnly: AccessRule = ({ host, origin }) =>
  isLocalUrl(`http://${host}`) && (origin === undefined || isLocalUrl(origin))

/** Serves every request: the key decides what it may see. */
export const everyone: AccessRule = () => true
