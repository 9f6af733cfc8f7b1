import {
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  Kind,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql'

/** What a document asks for, in the units of `DocumentLimits`. */
export type DocumentSize = {
  depth: number
  aliases: number
  directives: number
  /** Of the operation that costs most. */
  cost: number
  /** True when `__schema` or `__type` is selected anywhere. */
  hasIntrospection: boolean
}

/** Entries that a page has when no size is given. */
const defaultPage = 20

/** Entries that a page has at most: every list refuses a larger size. */
const maxPage = 500

/** Entries that a list without pages is taken to have: the files of a run, the fields of a type. */
const plainList = 5

/** Selections in one another, those of fragments too; far more would overflow the stack. */
const maxLevels = 2_000

/**
 * What a selection costs: `once`, and `perEntry` again for each entry of the page around it. The lists of a connection
 * (`nodes`, `edges`) are as long as the arguments of the connection say, which are not known inside of a fragment; so a
 * fragment is measured once, wherever and however often it is used.
 */
type Weight = { depth: number; once: number; perEntry: number }

type Measurement = {
  schema: GraphQLSchema
  fragments: ReadonlyMap<string, FragmentDefinitionNode>
  /** Fragments that were measured, or are being measured. */
  weights: Map<string, Weight>
  readArgument: ReadArgument
  size: DocumentSize
}

type Place = {
  type: GraphQLNamedType | undefined
  /** How many selections lie around it. */
  level: number
  /** What was selected in the same place before, with the type it was selected on. */
  seen: Set<string>
}

const nothing: Weight = { depth: 0, once: 0, perEntry: 0 }

const pageArguments = ['first', 'last'] as const

/** Values of variables, as the client sent them: not checked yet. */
type RawVariables = Readonly<Record<string, unknown>> | null | undefined

type Field = GraphQLField<unknown, unknown>

/** Gives the value of an argument as far as it says how much is asked for; undefined when there is none. */
type ReadArgument = (node: FieldNode, field: Field, name: string) => unknown

/**
 * Measures a document before it is validated, in one pass. Each fragment is visited once, so the time is linear in the
 * length of the document, whatever it multiplies to. `@skip` and `@include` are not looked at: what may be selected
 * counts.
 *
 * @throws RangeError when selections lie more than 2,000 deep in one another
 */
export function measureDocument(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: RawVariables,
): DocumentSize {
  const size = { depth: 0, aliases: 0, directives: 0, cost: 0, hasIntrospection: false }
  const { definitions } = document
  const fragments = new Map(
    definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  )
  const readArgument = createArgumentReader(document, variables)
  const measurement = { schema, fragments, weights: new Map<string, Weight>(), readArgument, size }
  for (const node of definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue
    countDirectives(measurement, node)
    for (const definition of node.variableDefinitions ?? []) countDirectives(measurement, definition)
    const type = schema.getRootType(node.operation) ?? undefined
    const weight = weigh(measurement, node.selectionSet, { type, level: 0, seen: new Set() })
    size.depth = Math.max(size.depth, weight.depth)
    size.cost = Math.max(size.cost, total(weight, plainList))
  }
  // Those that no operation uses are validated all the same.
  for (const name of fragments.keys()) {
    size.depth = Math.max(size.depth, weighFragment(measurement, name, 0).depth)
  }
  return size
}

function total({ once, perEntry }: Weight, entries: number): number {
  return once + entries * perEntry
}

function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(value, Number.MAX_SAFE_INTEGER) : 0
}

function isPaged({ args }: Field): boolean {
  return args.some(({ name }) => name === 'first' || name === 'last')
}

function readPage({ readArgument }: Measurement, node: FieldNode, field: Field): number {
  const sizes = pageArguments.map((name) => readArgument(node, field, name))
  if (sizes.every((given) => given === undefined || given === null)) return defaultPage
  return Math.min(Math.max(...sizes.map(countOf)), maxPage)
}

function countDirectives(
  { size }: Measurement,
  node: { readonly directives?: readonly DirectiveNode[] | undefined },
): void {
  size.directives += node.directives?.length ?? 0
}

/** Fields of different types may have one name, and be selected together with good reason. */
function countRepeat({ size }: Measurement, { type, seen }: Place, what: string): void {
  const key = `${type?.name} ${what}`
  if (seen.has(key)) size.aliases += 1
  seen.add(key)
}

function weighField(measurement: Measurement, node: FieldNode, { type, level }: Place): Weight {
  const { schema, readArgument, size } = measurement
  const name = node.name.value
  if (name === '__schema' || name === '__type') size.hasIntrospection = true
  const field = isCompositeType(type) ? schema.getField(type, name) : undefined
  const page = field && isPaged(field) ? readPage(measurement, node, field) : null
  const inside = { type: field && getNamedType(field.type), level: level + 1, seen: new Set<string>() }
  const inner = node.selectionSet ? weigh(measurement, node.selectionSet, inside) : nothing
  const depth = inner.depth + 1
  // What the schema does not have is for validation to refuse.
  if (!field || !isListType(getNullableType(field.type))) {
    return { depth, once: 1 + total(inner, page ?? plainList), perEntry: 0 }
  }
  const entry = total(inner, plainList)
  const ids = readArgument(node, field, 'ids')
  const entries = page ?? (Array.isArray(ids) ? ids.length : null)
  return entries === null
    ? { depth, once: 1, perEntry: entry }
    : { depth, once: 1 + entries * entry, perEntry: 0 }
}

function weighFragment(measurement: Measurement, name: string, level: number): Weight {
  const { schema, fragments, weights } = measurement
  const known = weights.get(name)
  if (known) return known
  // Until it is known; a fragment that is in itself, or is not there, is for validation to refuse.
  weights.set(name, nothing)
  const fragment = fragments.get(name)
  if (!fragment) return nothing
  countDirectives(measurement, fragment)
  const type = schema.getType(fragment.typeCondition.name.value)
  const weight = weigh(measurement, fragment.selectionSet, { type, level, seen: new Set() })
  weights.set(name, weight)
  return weight
}

function weigh(measurement: Measurement, { selections }: SelectionSetNode, place: Place): Weight {
  if (place.level > maxLevels) throw new RangeError(`Selections lie more than ${maxLevels} deep.`)
  const sum = { ...nothing }
  const add = ({ depth, once, perEntry }: Weight): void => {
    sum.depth = Math.max(sum.depth, depth)
    sum.once += once
    sum.perEntry += perEntry
  }
  for (const node of selections) {
    countDirectives(measurement, node)
    if (node.kind === Kind.FIELD) {
      if (node.alias) measurement.size.aliases += 1
      else countRepeat(measurement, place, node.name.value)
      add(weighField(measurement, node, place))
    } else if (node.kind === Kind.FRAGMENT_SPREAD) {
      countRepeat(measurement, place, `...${node.name.value}`)
      add(weighFragment(measurement, node.name.value, place.level + 1))
    } else {
      const type = node.typeCondition ? measurement.schema.getType(node.typeCondition.name.value) : place.type
      add(weigh(measurement, node.selectionSet, { ...place, type, level: place.level + 1 }))
    }
  }
  return sum
}

/** Reads arguments of a document that has not been validated, so any value may be of any type. */
function createArgumentReader(document: DocumentNode, variables: RawVariables): ReadArgument {
  const defaults = readDefaults(document)
  const readVariable = (variable: string): unknown =>
    variables && Object.hasOwn(variables, variable) ? variables[variable] : defaults.get(variable)
  return (node, field, name) => {
    const given = node.arguments?.find((argument) => argument.name.value === name)
    const value = given && readLiteral(given.value, readVariable)
    if (value !== undefined) return value
    const fallback = field.args.find((argument) => argument.name === name)?.default
    return fallback?.literal ? readLiteral(fallback.literal) : fallback?.value
  }
}

/** Sizes are all that is asked for: numbers, and lists for their length. Anything else reads as null. */
function readLiteral(node: ValueNode, readVariable?: (variable: string) => unknown): unknown {
  if (node.kind === Kind.VARIABLE) return readVariable?.(node.name.value)
  if (node.kind === Kind.INT) return Number(node.value)
  if (node.kind === Kind.LIST) return node.values
  return null
}

/** Defaults of all operations in one: of those that share a name, the larger one. */
function readDefaults({ definitions }: DocumentNode): ReadonlyMap<string, unknown> {
  const defaults = new Map<string, unknown>()
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue
    for (const { variable, defaultValue } of definition.variableDefinitions ?? []) {
      if (!defaultValue) continue
      const name = variable.name.value
      const known = defaults.get(name)
      const value = readLiteral(defaultValue)
      if (!(typeof known === 'number' && typeof value === 'number' && known > value))
        defaults.set(name, value)
    }
  }
  return defaults
}
