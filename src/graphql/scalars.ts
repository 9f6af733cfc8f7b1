import { GraphQLError } from 'graphql'
import { CurrencyResolver, DateTimeResolver, JSONObjectResolver, TimeZoneResolver } from 'graphql-scalars'
import { Temporal } from 'temporal-polyfill'
import { builder } from './builder.ts'

builder.addScalarType('DateTime', DateTimeResolver, {
  description: 'RFC 3339 instant; answers are in UTC.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
})

builder.addScalarType('JSONObject', JSONObjectResolver, {
  description: 'One JSON object.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
})

builder.addScalarType('Currency', CurrencyResolver, {
  description: 'Three-letter ISO 4217 code of a currency, in upper or lower case.',
  specifiedByURL: 'https://www.iso.org/iso-4217-currency-codes.html',
})

// It also accepts offsets and some abbreviations, which the parameter and the trigger refuse.
builder.addScalarType('TimeZone', TimeZoneResolver, {
  description: 'IANA name of a timezone, for example Europe/Berlin.',
  specifiedByURL: 'https://www.iana.org/time-zones',
})

builder.scalarType('Duration', {
  description: 'ISO 8601 duration, for example PT15M.',
  specifiedByURL: 'https://www.iso.org/iso-8601-date-and-time-format.html',
  serialize: (duration) => duration.toString(),
  parseValue: (value) => {
    try {
      return Temporal.Duration.from(String(value))
    } catch {
      throw notA('ISO 8601 duration; "PT15M" is one of 15 minutes', value)
    }
  },
})

builder.scalarType('EventCursor', {
  description:
    "Opaque place in the event log of the key's account and mode. The same value works in queries and in subscriptions over WebSocket and SSE.",
  serialize: (cursor) => cursor,
  parseValue: (value) => {
    if (typeof value === 'string') return value
    throw notA('cursor of the event log', value)
  },
})

// This one and the next are never given to the gateway.
builder.scalarType('URL', {
  description: 'Absolute URL.',
  specifiedByURL: 'https://url.spec.whatwg.org/',
  serialize: (url) => url,
})

builder.scalarType('BigInt', {
  description: 'Whole number that may not fit into 32 bits, always sent as a string.',
  specifiedByURL: 'https://the-guild.dev/graphql/scalars/docs/scalars/big-int',
  serialize: (value) => value.toString(),
})

export function toDuration(milliseconds: number): Temporal.Duration
export function toDuration(milliseconds: number | null): Temporal.Duration | null
export function toDuration(milliseconds: number | null): Temporal.Duration | null {
  if (milliseconds === null) return null
  return Temporal.Duration.from({ milliseconds }).round({ largestUnit: 'hours' })
}

/** The length of a duration, days being of 24 hours. Months and years have none: they count as infinite. */
export function toMilliseconds(duration: Temporal.Duration): number {
  return duration.years === 0 && duration.months === 0 && duration.weeks === 0
    ? duration.total('milliseconds')
    : Number.POSITIVE_INFINITY
}

function notA(what: string, value: unknown): GraphQLError {
  return new GraphQLError(`${JSON.stringify(value)} is no ${what}.`)
}
