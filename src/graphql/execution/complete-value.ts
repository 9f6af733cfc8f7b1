import { defaultTypeResolver } from '@graphql-tools/executor'
import {
  type GraphQLAbstractType,
  GraphQLError,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import type { CompiledField, Complete, Execution, Path, Selection } from './compiled-field.ts'
import { executeSelection, isPromise, recordError } from './execute-selection.ts'

/** What is needed to complete the values of a field. */
export type Completion = Pick<CompiledField, 'nodes'> & {
  schema: GraphQLSchema
  /** The fields that are selected of an object. */
  select: (type: GraphQLObjectType, variableValues: Execution['variableValues']) => Selection
}

/** Chooses how the values of a type are completed: once for a field, instead of for each of its values. */
export function completerOf(type: GraphQLOutputType, completion: Completion): Complete {
  if (isNonNullType(type)) return completeNonNull(completerOf(type.ofType, completion))
  const complete = completerOfValue(type, completion)
  return (execution, info, path, value) => {
    if (value instanceof Error) throw value
    return value === null || value === undefined ? null : complete(execution, info, path, value)
  }
}

function completerOfValue(type: GraphQLOutputType, completion: Completion): Complete {
  if (isListType(type)) return completeList(type.ofType, completion)
  if (isLeafType(type)) return completeLeaf(type)
  if (isAbstractType(type)) return completeAbstract(type, completion)
  if (isObjectType(type)) return completeObject(type, completion)
  throw new Error(`${type} is not an output type.`)
}

function completeNonNull(complete: Complete): Complete {
  return (execution, info, path, value) => {
    const completed = complete(execution, info, path, value)
    if (completed !== null) return completed
    throw new Error(`Cannot return null for non-nullable field ${info.parentType.name}.${info.fieldName}.`)
  }
}

function completeLeaf(type: GraphQLLeafType): Complete {
  return (_execution, _info, _path, value) => {
    const serialized = serialize(type, value)
    if (serialized !== null && serialized !== undefined) return serialized
    throw new Error(`The value of ${type} cannot be serialized.`)
  }
}

/** @throws Error that is not a GraphQLError, which would count as an error of the client */
function serialize(type: GraphQLLeafType, value: unknown): unknown {
  try {
    return type.coerceOutputValue(value)
  } catch (error) {
    throw error instanceof GraphQLError ? new Error(error.message) : error
  }
}

function completeList(itemType: GraphQLOutputType, completion: Completion): Complete {
  const completeItem = completerOf(itemType, completion)
  return (execution, info, path, value) => {
    if (!isIterable(value)) {
      throw new Error(`The value of ${info.parentType.name}.${info.fieldName} is not a list.`)
    }
    const items: unknown[] = []
    const add = (item: unknown): void => {
      const itemPath: Path = { prev: path, key: items.length, typename: undefined }
      const fail = (error: unknown): null => recordError(execution, itemType, completion, itemPath, error)
      try {
        const completed = isPromise(item)
          ? item.then((resolved) => completeItem(execution, info, itemPath, resolved))
          : completeItem(execution, info, itemPath, item)
        items.push(isPromise(completed) ? completed.then(undefined, fail) : completed)
      } catch (error) {
        items.push(fail(error))
      }
    }
    try {
      for (const item of value) add(item)
    } catch (error) {
      // The items before it can still fail, and the list is null already.
      for (const item of items) if (isPromise(item)) item.catch(() => {})
      throw error
    }
    return items.some(isPromise) ? Promise.all(items) : items
  }
}

function completeAbstract(type: GraphQLAbstractType, completion: Completion): Complete {
  const { schema } = completion
  const completers = new Map<GraphQLObjectType, Complete>()
  const completerOfType = (name: unknown): Complete => {
    const runtimeType = typeof name === 'string' ? schema.getType(name) : undefined
    if (!isObjectType(runtimeType) || !schema.isSubType(type, runtimeType))
      throw new Error(`A value of ${type} has the type ${String(name)}, which is not one of its types.`)
    const known = completers.get(runtimeType)
    if (known) return known
    const complete = completeObject(runtimeType, completion)
    completers.set(runtimeType, complete)
    return complete
  }
  return (execution, info, path, value) => {
    const resolveType = type.resolveType ?? defaultTypeResolver
    const name = resolveType(value, execution.contextValue, info, type)
    return isPromise(name)
      ? name.then((resolved) => completerOfType(resolved)(execution, info, path, value))
      : completerOfType(name)(execution, info, path, value)
  }
}

function completeObject(type: GraphQLObjectType, { select }: Completion): Complete {
  let selection: Selection | null = null
  const completeFields = (execution: Execution, path: Path, value: unknown): unknown => {
    selection ??= select(type, execution.variableValues)
    return executeSelection(execution, selection, value, path)
  }
  return (execution, info, path, value) => {
    if (!type.isTypeOf) return completeFields(execution, path, value)
    const check = (isOfType: boolean): unknown => {
      if (isOfType) return completeFields(execution, path, value)
      throw new Error(`A value of ${info.parentType.name}.${info.fieldName} is not of the type ${type}.`)
    }
    const isOfType = type.isTypeOf(value, execution.contextValue, info)
    return isPromise(isOfType) ? isOfType.then(check) : check(isOfType)
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}
