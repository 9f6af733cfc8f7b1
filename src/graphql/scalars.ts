import { GraphQLError } from 'graphql'
import { DateTimeResolver, JSONObjectResolver } from 'graphql-scalars'
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

builder.scalarType('Duration', {
  description: 'ISO 8601 duration, for example PT15M.',
  specifiedByURL: 'https://www.iso.org/iso-8601-date-and-time-format.html',
  serialize: (duration) => duration.toString(),
  parseValue: (value) => {
    try {
      return Temporal.Duration.from(String(value))
    } catch {
      throw new GraphQLError(
        `${JSON.stringify(value)} is no ISO 8601 duration; "PT15M" is one of 15 minutes.`,
      )
    }
  },
})

builder.scalarType('EventCursor', {
  description:
    "Opaque place in the event log of the key's account and mode. The same value works in queries and in subscriptions over WebSocket and SSE.",
  serialize: (cursor) => cursor,
  parseValue: (value) => {
    if (typeof value === 'string') return value
    throw new GraphQLError(`${JSON.stringify(value)} is no cursor of the event log.`)
  },
})

builder.scalarType('URL', {
  description: 'Absolute URL.',
  specifiedByURL: 'https://url.spec.whatwg.org/',
  serialize: (url) => url,
  parseValue: (value) => {
    if (URL.canParse(String(value))) return String(value)
    throw new GraphQLError(`${JSON.stringify(value)} is no absolute URL.`)
  },
})

builder.scalarType('BigInt', {
  description: 'Whole number that may not fit into 32 bits, always sent as a string.',
  specifiedByURL: 'https://the-guild.dev/graphql/scalars/docs/scalars/big-int',
  serialize: (value) => value.toString(),
  parseValue: (value) => {
    if (/^-?\d+$/.test(String(value))) return BigInt(String(value))
    throw new GraphQLError(`${JSON.stringify(value)} is no whole number.`)
  },
})
