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

/** The size of a document, in the units of `DocumentLimits`. */
export type DocumentSize = {
  depth: number
  aliases: number
  directives: number
  /** The cost of the most expensive operation. */
  cost: number
  /** True when `__schema` or `__type` is selected anywhere. */
  hasIntrospection: boolean
}

/** The number of entries on a page when no size is given and the field does not define one. */
const defaultPageSize = 20

/**
 * The extension of a field that defines its default page size. A list that pages in both directions cannot define it as
 * the default value of `first`, which would be combined with `last`.
 */
export const pageSizeExtension = 'defaultPageSize'

/** The extension of a field that defines its cost beyond 1: database work and computation, in the time of a field. */
export const costExtension = 'cost'

/** The extension of a list field that defines what each entry costs beyond the fields that are selected in it. */
export const costPerEntryExtension = 'costPerEntry'

/** The extension of a field that defines what each argument adds to its cost when it is given, by name. */
export const argumentCostsExtension = 'argumentCosts'

/** The maximum number of entries on a page: every list rejects a larger size. */
const maxPageSize = 500

/** The assumed number of entries of a list without pages, such as the files of a run or the fields of a type. */
const unpagedEntries = 5

/** The maximum depth of nested selections, including fragments. Far deeper ones would overflow the stack. */
const maxLevels = 2_000

/**
 * The cost of a selection: `once`, plus `perEntry` for each entry of the page around it. The arguments of a connection
 * set the length of its lists (`nodes`, `edges`). They are not known inside a fragment, so `perEntry` lets each fragment
 * be measured only once, wherever and however often it is used.
 */
type Weight = { depth: number; once: number; perEntry: number }

type Measurement = {
  schema: GraphQLSchema
  fragments: ReadonlyMap<string, FragmentDefinitionNode>
  /** The weights of fragments that are measured or being measured. */
  weights: Map<string, Weight>
  readArgument: ReadArgument
  size: DocumentSize
}

type Scope = {
  type: GraphQLNamedType | undefined
  /** The number of enclosing selections. */
  level: number
  /** The fields and fragments selected in the scope before, each with its type. */
  seen: Set<string>
}

const nothing: Weight = { depth: 0, once: 0, perEntry: 0 }

const pageArguments = ['first', 'last'] as const

/** The values of variables as the client sent them, not validated yet. */
export type RawVariables = Readonly<Record<string, unknown>> | null | undefined

type Field = GraphQLField<unknown, unknown>

/** Returns the value of an argument if it determines a size; undefined when there is none. */
type ReadArgument = (node: FieldNode, field: Field, name: string) => unknown

/**
 * Measures a document before it is validated, in one pass. Each fragment is visited once, so the time is linear in the
 * length of the document, whatever the fragments expand to. `@skip` and `@include` are ignored: everything that can be
 * selected counts.
 *
 * @param determining receives the names of the variables that determine the size
 * @throws RangeError when selections are nested more than 2,000 deep
 */
export function measureDocument(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: RawVariables,
  determining: Set<string> = new Set(),
): DocumentSize {
  const size = { depth: 0, aliases: 0, directives: 0, cost: 0, hasIntrospection: false }
  const { definitions } = document
  const fragments = new Map(
    definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  )
  const readArgument = createArgumentReader(document, variables, determining)
  const measurement = { schema, fragments, weights: new Map<string, Weight>(), readArgument, size }
  for (const node of definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue
    countDirectives(measurement, node)
    for (const definition of node.variableDefinitions ?? []) countDirectives(measurement, definition)
    const type = schema.getRootType(node.operation) ?? undefined
    const weight = weigh(measurement, node.selectionSet, { type, level: 0, seen: new Set() })
    size.depth = Math.max(size.depth, weight.depth)
    size.cost = Math.max(size.cost, total(weight, unpagedEntries))
  }
  // Fragments that no operation uses are validated as well.
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

function readPageSize({ readArgument }: Measurement, node: FieldNode, field: Field): number {
  const sizes = pageArguments.map((name) => readArgument(node, field, name))
  if (sizes.every((given) => given === undefined || given === null)) {
    return countOf(field.extensions[pageSizeExtension]) || defaultPageSize
  }
  return Math.min(Math.max(...sizes.map(countOf)), maxPageSize)
}

function countDirectives(
  { size }: Measurement,
  node: { readonly directives?: readonly DirectiveNode[] | undefined },
): void {
  size.directives += node.directives?.length ?? 0
}

/** Counts a repeated selection. Fields of different types can share a name, so selecting both is no repetition. */
function countRepeat({ size }: Measurement, { type, seen }: Scope, selected: string): void {
  const key = `${type?.name} ${selected}`
  if (seen.has(key)) size.aliases += 1
  seen.add(key)
}

function weighField(measurement: Measurement, node: FieldNode, { type, level }: Scope): Weight {
  const { schema, readArgument, size } = measurement
  const name = node.name.value
  if (name === '__schema' || name === '__type') size.hasIntrospection = true
  const field = isCompositeType(type) ? schema.getField(type, name) : undefined
  const pageSize = field && isPaged(field) ? readPageSize(measurement, node, field) : null
  const inside = { type: field && getNamedType(field.type), level: level + 1, seen: new Set<string>() }
  const inner = node.selectionSet ? weigh(measurement, node.selectionSet, inside) : nothing
  const depth = inner.depth + 1
  // Validation rejects fields that the schema does not have.
  const own = field ? costOf(field, node) : 1
  if (!field || !isListType(getNullableType(field.type))) {
    return { depth, once: own + total(inner, pageSize ?? unpagedEntries), perEntry: 0 }
  }
  const entry = total(inner, unpagedEntries) + countOf(field.extensions[costPerEntryExtension])
  const ids = readArgument(node, field, 'ids')
  const entries = pageSize ?? (Array.isArray(ids) ? ids.length : null)
  return entries === null
    ? { depth, once: own, perEntry: entry }
    : { depth, once: own + entries * entry, perEntry: 0 }
}

/** The cost of a field without what is selected in it. An argument counts when it is written, whatever its value is. */
function costOf({ extensions }: Field, node: FieldNode): number {
  const ofArguments = new Map(Object.entries(extensions[argumentCostsExtension] ?? {}))
  const given = node.arguments ?? []
  return given.reduce(
    (sum, { name }) => sum + countOf(ofArguments.get(name.value)),
    1 + countOf(extensions[costExtension]),
  )
}

function weighFragment(measurement: Measurement, name: string, level: number): Weight {
  const { schema, fragments, weights } = measurement
  const known = weights.get(name)
  if (known) return known
  // The weight until it is known. Validation rejects a fragment that contains itself or does not exist.
  weights.set(name, nothing)
  const fragment = fragments.get(name)
  if (!fragment) return nothing
  countDirectives(measurement, fragment)
  const type = schema.getType(fragment.typeCondition.name.value)
  const weight = weigh(measurement, fragment.selectionSet, { type, level, seen: new Set() })
  weights.set(name, weight)
  return weight
}

function weigh(measurement: Measurement, { selections }: SelectionSetNode, scope: Scope): Weight {
  if (scope.level > maxLevels) throw new RangeError(`Selections are nested more than ${maxLevels} deep.`)
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
      else countRepeat(measurement, scope, node.name.value)
      add(weighField(measurement, node, scope))
    } else if (node.kind === Kind.FRAGMENT_SPREAD) {
      countRepeat(measurement, scope, `...${node.name.value}`)
      add(weighFragment(measurement, node.name.value, scope.level + 1))
    } else {
      const type = node.typeCondition ? measurement.schema.getType(node.typeCondition.name.value) : scope.type
      add(weigh(measurement, node.selectionSet, { ...scope, type, level: scope.level + 1 }))
    }
  }
  return sum
}

/** Creates a reader of arguments. The document is not validated yet, so any value can have any type. */
function createArgumentReader(
  document: DocumentNode,
  variables: RawVariables,
  determining: Set<string>,
): ReadArgument {
  const defaults = readDefaults(document)
  const readVariable = (variable: string): unknown => {
    determining.add(variable)
    return variables && Object.hasOwn(variables, variable) ? variables[variable] : defaults.get(variable)
  }
  return (node, field, name) => {
    const given = node.arguments?.find((argument) => argument.name.value === name)
    const value = given && readLiteral(given.value, readVariable)
    // Lists treat null like an omitted argument.
    if (value !== undefined && value !== null) return value
    const argument = field.args.find((one) => one.name === name)
    const literal = argument?.default?.literal
    // The schema builder still sets the older property.
    return literal ? readLiteral(literal) : (argument?.default?.value ?? argument?.defaultValue)
  }
}

/** Reads the values that determine a size: numbers, and lists for their length. Other values read as null. */
function readLiteral(node: ValueNode, readVariable?: (variable: string) => unknown): unknown {
  if (node.kind === Kind.VARIABLE) return readVariable?.(node.name.value)
  if (node.kind === Kind.INT) return Number(node.value)
  if (node.kind === Kind.LIST) return node.values
  return null
}

/** The default values of the variables of all operations. For variables of the same name, the larger value. */
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
