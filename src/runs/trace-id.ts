import { randomBytes } from 'node:crypto'

/** A new trace id as OpenTelemetry writes them: 32 hex digits. */
export function newTraceId(): string {
  return randomBytes(16).toString('hex')
}

// Ids of nothing but zeros are none.
const pattern = /^([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/

/** The trace id in a W3C `traceparent` header; null when there is none, or the header is not well formed. */
export function readTraceparent(header: string | null | undefined): string | null {
  const [, version, traceId, rest] = pattern.exec(header ?? '') ?? []
  // Only later versions may have more parts, and ff is no version.
  const isKnown = version !== 'ff' && (version !== '00' || rest === undefined)
  return traceId !== undefined && isKnown ? traceId : null
}
