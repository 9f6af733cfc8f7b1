import { GraphQLError } from 'graphql'
import { CurrencyResolver, DateTimeResolver, JSONObjectResolver, TimeZoneResolver } from 'graphql-scalars'
import { Temporal } from 'temporal-polyfill'
import { builder } from './builder.ts'

builder.addScalarType('DateTime', DateTimeResolver, {
  description: 'An RFC 3339 instant, such as 2026-01-31T00:00:00Z. Responses are in UTC.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
})

builder.addScalarType('JSONObject', JSONObjectResolver, {
  description: 'A JSON object.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
})

builder.addScalarType('Currency', CurrencyResolver, {
  description: 'A three-letter ISO 4217 currency code, in upper or lower case.',
  specifiedByURL: 'https://www.iso.org/iso-4217-currency-codes.html',
})

// It also accepts offsets and some abbreviations, which the parameter and the trigger reject.
builder.addScalarType('TimeZone', TimeZoneResolver, {
  description: 'The IANA name of a timezone, such as Europe/Berlin.',
  specifiedByURL: 'https://www.iana.org/time-zones',
})

builder.scalarType('Duration', {
  description: 'An ISO 8601 duration, such as PT15M.',
  specifiedByURL: 'https://www.iso.org/iso-8601-date-and-time-format.html',
  serialize: (duration) => duration.toString(),
  parseValue: (value) => {
    try {
      return Temporal.Duration.from(String(value))
    } catch {
      throw invalid(value, 'ISO 8601 duration. Example: "PT15M" for 15 minutes')
    }
  },
})

builder.scalarType('EventCursor', {
  description:
    "An opaque position in the event log of the viewer's account and mode. Queries accept the same values as subscriptions over WebSocket and SSE.",
  serialize: (cursor) => cursor,
  parseValue: (value) => {
    if (typeof value === 'string') return value
    throw invalid(value, 'cursor of the event log')
  },
})

// URL and BigInt are output only.
builder.scalarType('URL', {
  description: 'An absolute URL.',
  specifiedByURL: 'https://url.spec.whatwg.org/',
  serialize: (url) => url,
})

builder.scalarType('BigInt', {
  description: 'An integer that may not fit into 32 bits, serialized as a string.',
  specifiedByURL: 'https://the-guild.dev/graphql/scalars/docs/scalars/big-int',
  serialize: (value) => value.toString(),
})

/** A duration in hours, minutes and seconds; null for null. */
export function toDuration(milliseconds: number): Temporal.Duration
export function toDuration(milliseconds: number | null): Temporal.Duration | null
export function toDuration(milliseconds: number | null): Temporal.Duration | null {
  if (milliseconds === null) return null
  return Temporal.Duration.from({ milliseconds }).round({ largestUnit: 'hours' })
}

/** The length of a duration in milliseconds. A day has 24 hours. Weeks, months and years count as infinite. */
export function toMilliseconds(duration: Temporal.Duration): number {
  return duration.years === 0 && duration.months === 0 && duration.weeks === 0
    ? duration.total('milliseconds')
    : Number.POSITIVE_INFINITY
}

function invalid(value: unknown, what: string): GraphQLError {
  return new GraphQLError(`${JSON.stringify(value)} is not a valid ${what}.`)
}
