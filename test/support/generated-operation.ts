import {
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isUnionType,
} from 'graphql'

/** Gives numbers from 0 to 1. */
export type Random = () => number

export type GeneratedOperation = { query: string; variables: Record<string, unknown> }

/** Valid values of the scalars, as JSON. */
const scalarValues: Readonly<Record<string, readonly unknown[]>> = {
  Int: [1, 3, 20],
  Float: [0.5, 2],
  Boolean: [true, false],
  DateTime: ['2026-08-01T00:00:00Z', '2026-09-01T00:00:00+02:00'],
  Duration: ['PT5M', 'PT1H'],
  JSONObject: [{}, { a: 1 }],
  Currency: ['usd'],
  TimeZone: ['Europe/Berlin'],
}

export type GeneratorOptions = {
  /** The probability that a variable has a value of another type. */
  invalid?: number
  maxDepth?: number
}

/** Numbers from a seed, the same in each run (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  // A cast, because the list is not empty.
  return items[Math.floor(random() * items.length)] as Item
}

/** Generates an operation with fragments, directives, aliases and variables. Most of them are valid. */
export function generateOperation(
  schema: GraphQLSchema,
  random: Random,
  kind: 'query' | 'mutation',
  { invalid = 0, maxDepth = 6 }: GeneratorOptions = {},
): GeneratedOperation {
  const definitions: string[] = []
  const variables: Record<string, unknown> = {}
  const fragments: string[] = []
  let count = 0

  const variable = (type: GraphQLInputType): string => {
    const name = `v${count++}`
    const isOptional = !isNonNullType(type)
    definitions.push(`$${name}: ${type}`)
    const value = random() < invalid ? pick(random, ['wrong', -1, null, [], {}]) : createInput(type, 0)
    if (!isOptional || random() < 0.8) variables[name] = isOptional && random() < 0.1 ? null : value
    return `$${name}`
  }

  const createInput = (type: GraphQLInputType, depth: number): unknown => {
    if (isNonNullType(type)) return createInput(type.ofType, depth)
    if (isListType(type)) return Array.from({ length: count % 3 }, () => createInput(type.ofType, depth + 1))
    if (isEnumType(type)) return pick(random, type.getValues()).name
    if (!isInputObjectType(type)) return pick(random, scalarValues[type.name] ?? ['a', 'b'])
    const fields = Object.values(type.getFields())
    const given = type.isOneOf
      ? [pick(random, fields)]
      : fields.filter((field) => isNonNullType(field.type) || (depth < 3 && random() < 0.3))
    return Object.fromEntries(given.map((field) => [field.name, createInput(field.type, depth + 1)]))
  }

  const printArgument = ({ name, type }: GraphQLArgument): string =>
    `${name}: ${random() < 0.6 ? variable(type) : printLiteral(createInput(type, 0), type)}`

  const condition = (): string => {
    const name = pick(random, ['skip', 'include'])
    if (random() < 0.5) return `@${name}(if: ${random() < 0.5})`
    const given = `v${count++}`
    definitions.push(`$${given}: Boolean!${random() < 0.3 ? ' = true' : ''}`)
    variables[given] = random() < 0.5
    return `@${name}(if: $${given})`
  }

  const directive = (): string => (random() < 0.1 ? condition() : '')

  const printField = (field: GraphQLField<unknown, unknown>, depth: number): string => {
    const args = field.args.filter(({ type, defaultValue }) =>
      isNonNullType(type) && defaultValue === undefined ? true : random() < 0.4,
    )
    const alias = args.length > 0 || random() < 0.2 ? `a${count++}: ` : ''
    const given = args.length > 0 ? `(${args.map(printArgument).join(', ')})` : ''
    const type = getNamedType(field.type)
    const selected = isCompositeType(type) ? ` ${selectionOf(type, depth + 1)}` : ''
    return `${alias}${field.name}${given} ${directive()}${selected}`
  }

  const fieldsOf = (type: GraphQLCompositeType, depth: number): string[] => {
    const fields = isUnionType(type) ? [] : Object.values(type.getFields())
    const open = fields.filter((field) => depth < maxDepth || !isCompositeType(getNamedType(field.type)))
    const length = open.length === 0 ? 0 : 1 + Math.floor(random() * 4)
    return Array.from({ length }, () => printField(pick(random, open), depth))
  }

  const typesOf = (type: GraphQLCompositeType, depth: number): string[] => {
    if (!isAbstractType(type) || depth >= maxDepth) return []
    const chosen = schema.getPossibleTypes(type).filter(() => random() < 0.5)
    return chosen.map((one) => `... on ${one} ${directive()} ${selectionOf(one, depth + 1)}`)
  }

  const spreadsOf = (type: GraphQLCompositeType, depth: number): string[] => {
    if (random() > 0.15) return []
    const name = `F${count++}`
    fragments.push(`fragment ${name} on ${type} ${selectionOf(type, depth + 1)}`)
    return [`...${name} ${directive()}`, ...(random() < 0.3 ? [`...${name}`] : [])]
  }

  const selectionOf = (type: GraphQLCompositeType, depth: number): string => {
    const inline = random() < 0.1 ? [`... ${condition()} ${selectionOf(type, depth + 1)}`] : []
    const parts = [...fieldsOf(type, depth), ...typesOf(type, depth), ...inline, ...spreadsOf(type, depth)]
    if (random() < 0.2 || parts.length === 0) parts.push('__typename')
    return `{ ${parts.join(' ')} }`
  }

  const root = kind === 'query' ? schema.getQueryType() : schema.getMutationType()
  if (!root) throw new Error(`The schema has no ${kind}.`)
  const selected = selectionOf(root, 0)
  const head = definitions.length > 0 ? `(${definitions.join(', ')})` : ''
  return { query: [`${kind} Generated${head} ${selected}`, ...fragments].join('\n'), variables }
}

function printLiteral(value: unknown, type: GraphQLInputType): string {
  if (isNonNullType(type)) return printLiteral(value, type.ofType)
  if (Array.isArray(value) && isListType(type))
    return `[${value.map((item) => printLiteral(item, type.ofType)).join(', ')}]`
  if (isEnumType(type)) return String(value)
  if (value instanceof Object) {
    const fields = isInputObjectType(type) ? type.getFields() : {}
    const parts = Object.entries(value).map(([name, one]) => {
      const field = fields[name]
      return `${name}: ${field ? printLiteral(one, field.type) : JSON.stringify(one)}`
    })
    return `{ ${parts.join(', ')} }`
  }
  return JSON.stringify(value)
}
