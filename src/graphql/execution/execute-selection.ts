import { defaultFieldResolver } from '@graphql-tools/executor'
import { getArgumentValues } from '@graphql-tools/utils'
import { type GraphQLOutputType, type GraphQLResolveInfo, isNonNullType, locatedError } from 'graphql'
import type { CompiledField, Execution, Path, Selection } from './compiled-field.ts'

type Result = Record<string, unknown>

/** Executes the fields of a selection side by side. Gives an object, or a promise when a field has one. */
export function executeSelection(
  execution: Execution,
  { fields, isPlain }: Selection,
  source: unknown,
  path: Path | undefined,
): Result | Promise<Result> {
  const result: Result = isPlain ? {} : Object.create(null)
  let pending: string[] | null = null
  try {
    for (const field of fields) {
      const value = executeField(execution, field, source, path)
      result[field.key] = value
      if (isPromise(value)) {
        pending ??= []
        pending.push(field.key)
      }
    }
  } catch (error) {
    if (pending === null) throw error
    // The other fields end before the error is passed on, because they can fail as well.
    const fail = (): never => {
      throw error
    }
    return settle(result, pending).then(fail, fail)
  }
  return pending === null ? result : settle(result, pending)
}

/** Executes the fields of a selection one after the other, as mutations are. */
export function executeSerially(
  execution: Execution,
  { fields, isPlain }: Selection,
): Result | Promise<Result> {
  const empty: Result = isPlain ? {} : Object.create(null)
  return fields.reduce<Result | Promise<Result>>((before, field) => {
    const executeNext = (result: Result): Result | Promise<Result> => {
      const set = (value: unknown): Result => {
        result[field.key] = value
        return result
      }
      const value = executeField(execution, field, undefined, undefined)
      return isPromise(value) ? value.then(set) : set(value)
    }
    return isPromise(before) ? before.then(executeNext) : executeNext(before)
  }, empty)
}

/**
 * Records an error of a field or of an entry of a list, whose value becomes null.
 *
 * @throws GraphQLError when the value cannot be null
 */
export function recordError(
  execution: Execution,
  type: GraphQLOutputType,
  { nodes }: Pick<CompiledField, 'nodes'>,
  path: Path,
  error: unknown,
): null {
  const located = locatedError(error, nodes, keysOf(path))
  if (isNonNullType(type)) throw located
  execution.errors.push(located)
  return null
}

export function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function executeField(
  execution: Execution,
  field: CompiledField,
  source: unknown,
  parent: Path | undefined,
): unknown {
  const { definition, key, complete, parentType } = field
  const path: Path = { prev: parent, key, typename: parentType.name }
  try {
    const info = infoOf(execution, field, path)
    const resolve = definition.resolve ?? defaultFieldResolver
    const value: unknown = resolve(source, argumentsOf(execution, field), execution.contextValue, info)
    const completed = isPromise(value)
      ? value.then((resolved) => complete(execution, info, path, resolved))
      : complete(execution, info, path, value)
    if (!isPromise(completed)) return completed
    return completed.then(undefined, (error) => failField(execution, field, path, error))
  } catch (error) {
    return failField(execution, field, path, error)
  }
}

/** The arguments of a field, read once in an execution. */
function argumentsOf({ args, variableValues }: Execution, { index, definition, node }: CompiledField) {
  const known = args[index]
  if (known) return known
  const { coerced } = variableValues
  const values = getArgumentValues(definition, node, coerced)
  args[index] = values
  return values
}

function failField(execution: Execution, field: CompiledField, path: Path, error: unknown): null {
  const { type } = field.definition
  if (!(error instanceof AggregateError)) return recordError(execution, type, field, path, error)
  for (const one of error.errors) recordError(execution, type, field, path, one)
  return null
}

function keysOf(path: Path): (string | number)[] {
  const keys: (string | number)[] = []
  for (let at: Path | undefined = path; at; at = at.prev) keys.unshift(at.key)
  return keys
}

function infoOf(execution: Execution, field: CompiledField, path: Path): GraphQLResolveInfo {
  const { schema, fragments, operation, variableValues } = execution
  const { definition, nodes, parentType } = field
  return {
    fieldName: definition.name,
    fieldNodes: nodes,
    returnType: definition.type,
    parentType,
    path,
    schema,
    fragments,
    rootValue: undefined,
    operation,
    variableValues,
    // The gateway does not abort an execution, and no resolver has work that outlives it.
    getAbortSignal,
    getAsyncHelpers,
  }
}

function getAbortSignal(): undefined {}

function getAsyncHelpers(): ReturnType<GraphQLResolveInfo['getAsyncHelpers']> {
  return { promiseAll: (values) => Promise.all(values), track: () => {} }
}

/** Waits for the promises in a result and puts their values in their places. */
function settle(result: Result, pending: readonly string[]): Promise<Result> {
  const settled = pending.map((key) =>
    // Only keys of promises are pending.
    (result[key] as Promise<unknown>).then((value) => {
      result[key] = value
    }),
  )
  const [first] = settled
  return (settled.length === 1 && first ? first : Promise.all(settled)).then(() => result)
}
