import { setImmediate } from 'node:timers/promises'
import { MapperKind, mapSchema } from '@graphql-tools/utils'
import fc from 'fast-check'
import {
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  parse,
  validate,
} from 'graphql'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { badUserInput, createErrorMask } from '../../../src/graphql/errors.ts'
import {
  createCompiledExecutor,
  type Execute,
  executeOrdinarily,
} from '../../../src/graphql/execution/execute-compiled.ts'
import { schema } from '../../../src/graphql/schema.ts'
import { generateOperation, pick, type Random, randomFrom } from '../../support/generated-operation.ts'

/** Decides the values of an execution, and notes the calls of resolvers. */
type Scene = { seed: number; faults: number; calls: string[] }

const mask = createErrorMask(pino({ level: 'silent' }))
const errorId = /[0-9a-f]{8}-[0-9a-f-]{27}/g

/** The values of scalars, most of which can be serialized. */
const scalarValues: Readonly<Record<string, readonly unknown[]>> = {
  Int: [0, 7, 1.5],
  Float: [0.5, Number.NaN],
  Boolean: [true, false],
  DateTime: [new Date('2026-08-01T00:00:00Z'), new Date(Number.NaN)],
  Duration: [{ toString: () => 'PT5M' }],
  BigInt: [5n],
  JSONObject: [{ a: [1] }, 'no object'],
}

/** The schema of the gateway with resolvers that give, delay and fail as the scene decides. */
const playedSchema = mapSchema(schema, {
  [MapperKind.OBJECT_FIELD]: (config, fieldName, typeName) => ({
    ...config,
    resolve: createResolver(`${typeName}.${fieldName}`, config.type),
  }),
  [MapperKind.ABSTRACT_TYPE]: (type) => {
    type.resolveType = (value) => String(Reflect.get(value instanceof Object ? value : {}, 'typeName'))
    return type
  },
})

// When an item of a list fails at once, Yoga's executor does not handle the later failures of the items before it.
let unhandled = 0
const listeners = process.listeners('unhandledRejection')
beforeAll(() => {
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', () => {
    unhandled++
  })
})
afterAll(async () => {
  await setImmediate()
  process.removeAllListeners('unhandledRejection')
  for (const listener of listeners) process.on('unhandledRejection', listener)
})

test('a compiled operation gives the result of the ordinary executor', async () => {
  const execute = createCompiledExecutor()
  // One tick later, like the other: a field whose result is dropped can still add an error to those of the result.
  const executeCompiled: Execute = (args) => {
    const result = execute(args)
    return result instanceof Promise ? result.then((one) => one) : result
  }
  let valid = 0
  let failed = 0
  const property = fc.asyncProperty(fc.integer(), fc.constantFrom(0, 0, 0.03, 0.2), async (seed, faults) => {
    const random = randomFrom(seed)
    const kind = pick(random, ['query', 'query', 'mutation'] as const)
    const { query, variables } = generateOperation(playedSchema, random, kind, { invalid: faults / 4 })
    const document = parse(query)
    fc.pre(validate(playedSchema, document).length === 0)
    valid++
    const run = async (executor: Execute): Promise<string> => {
      const scene: Scene = { seed, faults, calls: [] }
      const args = { schema: playedSchema, document, variableValues: variables, contextValue: scene }
      const { errors, ...result } = await executor(args)
      if (errors) failed++
      // As a client sees it: the texts of internal errors differ.
      const masked = errors?.map(mask)
      return JSON.stringify([{ errors: masked, ...result }, scene.calls]).replaceAll(errorId, 'ID')
    }
    const expected = await run(executeOrdinarily)
    expect(await run(executeCompiled), query).toBe(expected)
    // The plan of the first execution is used again.
    expect(await run(executeCompiled), query).toBe(expected)
  })
  await fc.assert(property, { numRuns: 150 })
  expect(valid).toBeGreaterThan(100)
  expect(failed).toBeGreaterThan(100)
})

test('keys that objects of JavaScript inherit are keys like others', async () => {
  const document = parse(
    '{ __proto__: __typename then: __typename toJSON: __typename constructor: __typename }',
  )
  const { data } = await createCompiledExecutor()({ schema: playedSchema, document })
  expect(JSON.stringify(data)).toBe(
    '{"__proto__":"Query","then":"Query","toJSON":"Query","constructor":"Query"}',
  )
})

test('the failures of the items of a list that is null already are handled', async () => {
  const played = mapSchema(schema, {
    [MapperKind.OBJECT_FIELD]: (config, fieldName) => ({
      ...config,
      resolve: (source: unknown) => {
        if (fieldName === 'nodes') return [{ failsAfter: 1 }, { failsAfter: 0 }]
        if (fieldName !== 'id') return {}
        const isLate = source instanceof Object && Reflect.get(source, 'failsAfter') === 1
        if (!isLate) throw new Error('at once')
        return afterTicks(1, () => {
          throw new Error('late')
        })
      },
    }),
  })
  await setImmediate()
  unhandled = 0
  const document = parse('{ reportRuns { nodes { id } } }')
  const { data, errors } = await createCompiledExecutor()({ schema: played, document })
  await setImmediate()
  expect({ data, messages: errors?.map(({ message }) => message) }).toEqual({
    data: null,
    messages: ['at once'],
  })
  expect(unhandled).toBe(0)
})

/** Gives the same value at the same place of a response, whenever it is asked. */
function createResolver(name: string, type: GraphQLOutputType): GraphQLFieldResolver<unknown, Scene> {
  return (_source, args, { seed, faults, calls }, { path }) => {
    const place = placeOf(path)
    calls.push(`${place} ${JSON.stringify(args)}`)
    const random = randomFrom(seed ^ hashOf(place))
    const delay = random() < 0.6 ? null : Math.floor(random() * 4)
    const play = (): unknown => {
      if (random() < faults / 4) throw new Error(`${name} fails`)
      if (random() < faults / 8) throw badUserInput(`${name} refuses`)
      if (random() < faults / 16) return new Error(`${name} is an error`)
      return createValue(random, faults, type)
    }
    return delay === null ? play() : afterTicks(delay, play)
  }
}

async function afterTicks<Value>(ticks: number, play: () => Value): Promise<Value> {
  for (let tick = 0; tick < ticks; tick++) await null
  return play()
}

function placeOf({ prev, key }: GraphQLResolveInfo['path']): string {
  return prev ? `${placeOf(prev)}.${key}` : String(key)
}

function hashOf(text: string): number {
  return [...text].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0, 7)
}

function createValue(random: Random, faults: number, type: GraphQLOutputType): unknown {
  const isFaulty = random() < faults / 4
  if (isNonNullType(type)) return isFaulty ? null : createValue(random, faults, type.ofType)
  if (random() < 0.1) return pick(random, [null, undefined])
  if (isListType(type)) return isFaulty ? 'no list' : createList(random, faults, type.ofType)
  if (isEnumType(type)) return isFaulty ? 'NO_VALUE' : pick(random, type.getValues()).value
  if (isLeafType(type)) return createScalar(random, isFaulty, type.name)
  // `source` makes it a report type, which has a check of its own.
  if (isObjectType(type)) return { typeName: type.name, source: '' }
  return { typeName: isFaulty ? 'Query' : pick(random, schema.getPossibleTypes(type)).name, source: '' }
}

function createList(random: Random, faults: number, itemType: GraphQLOutputType): unknown[] {
  return Array.from({ length: Math.floor(random() * 4) }, () => {
    const item = createValue(random, faults, itemType)
    return random() < 0.1 ? Promise.resolve(item) : item
  })
}

function createScalar(random: Random, isFaulty: boolean, name: string): unknown {
  const values = scalarValues[name] ?? ['text']
  return isFaulty ? pick(random, values) : values[0]
}
