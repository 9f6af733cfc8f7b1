import { GraphQLError, Kind, type ValueNode, valueFromASTUntyped } from 'graphql'
import { CurrencyResolver, DateTimeResolver, JSONObjectResolver, TimeZoneResolver } from 'graphql-scalars'
import { Temporal } from 'temporal-polyfill'
import { isCurrency } from '../ledger/minor-units.ts'
import { isInCalendar, preview } from '../reports/parameters.ts'
import { durationText } from '../runs/create/duration.ts'
import { builder } from './builder.ts'

builder.scalarType('DateTime', {
  description: 'An RFC 3339 instant, such as 2026-01-31T00:00:00Z. Responses are in UTC.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  // Text: a Date makes JSON.stringify of a page of runs four times as slow.
  serialize: (value) => DateTimeResolver.coerceOutputValue(value).toISOString(),
  ...inputOf(readDateTime, 'timestamp. Use RFC 3339 text such as "2026-09-01T00:00:00Z".'),
})

builder.addScalarType('JSONObject', JSONObjectResolver, {
  description: 'A JSON object.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
})

builder.scalarType('Currency', {
  description:
    'The code of a currency, in upper or lower case: an ISO 4217 code such as usd, or that of a stablecoin such as usdc.',
  specifiedByURL: 'https://www.iso.org/iso-4217-currency-codes.html',
  // Input only.
  serialize: (value) => value,
  ...inputOf(readCurrency, 'currency. Use a three-letter ISO 4217 code such as "usd".'),
})

// It also accepts offsets and some abbreviations, which the parameter and the trigger reject.
builder.scalarType('TimeZone', {
  description: 'The IANA name of a timezone, such as Europe/Berlin.',
  specifiedByURL: 'https://www.iana.org/time-zones',
  serialize: (value) => TimeZoneResolver.coerceOutputValue(value),
  ...inputOf(
    (text) => TimeZoneResolver.coerceInputValue(text),
    'timezone. Use an IANA name such as "Europe/Berlin".',
  ),
})

builder.scalarType('Duration', {
  description: 'An ISO 8601 duration, such as PT15M.',
  specifiedByURL: 'https://www.iso.org/iso-8601-date-and-time-format.html',
  serialize: durationText,
  ...inputOf(
    (text) => Temporal.Duration.from(text),
    'ISO 8601 duration. Use one such as "PT15M" (15 minutes).',
  ),
})

builder.scalarType('EventCursor', {
  description:
    "An opaque position in the event log of the viewer's account and mode. Queries accept the same values as subscriptions over WebSocket and SSE.",
  serialize: (cursor) => cursor,
  ...inputOf((text) => text, 'event cursor. Use an eventCursor, which is a string.'),
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

/** Reads a code with the form of a currency; the parameter checks that it is one. @throws for other text */
function readCurrency(text: string): string {
  return isCurrency(text.toLowerCase()) ? text : CurrencyResolver.coerceInputValue(text)
}

const belowMilliseconds = /\.\d{3}\d*[1-9]/

/**
 * Reads a timestamp, rounded up to the next millisecond, because no stored time is more precise: so a range includes and
 * excludes the same times as without rounding.
 *
 * @throws for text that is not a timestamp, or one that is rounded out of the years 1 to 9999
 */
function readDateTime(text: string): Date {
  const truncated = DateTimeResolver.coerceInputValue(text)
  const date = new Date(truncated.getTime() + (belowMilliseconds.test(text) ? 1 : 0))
  if (isInCalendar({ year: date.getUTCFullYear() })) return date
  throw new RangeError(`${text} is out of range.`)
}

/** A duration in hours, minutes and seconds; null for null. */
export function toDuration(milliseconds: number): Temporal.Duration
export function toDuration(milliseconds: number | null): Temporal.Duration | null
export function toDuration(milliseconds: number | null): Temporal.Duration | null {
  if (milliseconds === null) return null
  return Temporal.Duration.from({ milliseconds }).round({ largestUnit: 'hours' })
}

/**
 * The input of a scalar that is written as a string. A value from a literal in the document has its position in the error.
 *
 * @param read throws for text that is not valid
 * @param noun completes "… is not a valid", and continues with a sentence about valid values
 */
function inputOf<Value>(read: (text: string) => Value, noun: string) {
  const parse = (value: unknown, nodes?: ValueNode): Value => {
    try {
      if (typeof value === 'string') return read(value)
    } catch {
      // Reported below, together with values that are not strings.
    }
    throw new GraphQLError(`${preview(value)} is not a valid ${noun}`, { nodes })
  }
  return {
    parseValue: (value: unknown): Value => parse(value),
    parseLiteral: (node: ValueNode): Value =>
      parse(node.kind === Kind.STRING ? node.value : valueFromASTUntyped(node), node),
  }
}
