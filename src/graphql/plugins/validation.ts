import { type DocumentNode, GraphQLError, type GraphQLSchema, validate } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { errorsOf } from '../errors.ts'

/** The maximum number of errors in a response. */
const maxShownErrors = 3
/** The number of errors after which validation stops: most later errors follow from the first. */
const maxValidationErrors = 10

type Ended = {
  // A result or a stream of results, for which Yoga has no type.
  result: unknown
  setResult: (result: { errors: readonly GraphQLError[] }) => void
}

/**
 * Limits the number of errors in the response to an invalid document or invalid variables.
 *
 * @param suggestions true to suggest names that are similar to a wrong name, which reveals the schema
 */
export function limitErrors(suggestions: boolean): Plugin {
  const options = { maxValidationErrors, hideSuggestions: !suggestions }
  // The type of the arguments lacks this option, which the executor reads.
  const hide = (args: object): void => {
    Object.assign(args, { hideSuggestions: !suggestions })
  }
  const shown = (errors: readonly GraphQLError[]): readonly GraphQLError[] =>
    suggestions ? firstErrors(errors) : firstErrors(errors.map(withoutSuggestion))
  // A response without data has an error for each invalid value in a list or an object.
  const shorten = ({ result, setResult }: Ended): void => {
    const errors = errorsOf(result)
    if (errors.length > 0 && !(result instanceof Object && 'data' in result))
      setResult({ errors: shown(errors) })
  }
  return {
    onValidate: ({ setValidationFn }) =>
      setValidationFn((schema: GraphQLSchema, document: DocumentNode) =>
        shown(validate(schema, document, undefined, options)),
      ),
    // The values of variables are validated only when the operation is executed.
    onExecute: ({ args }) => {
      hide(args)
      return { onExecuteDone: shorten }
    },
    onSubscribe: ({ args }) => {
      hide(args)
      return { onSubscribeResult: shorten }
    },
  }
}

/** The first errors with different messages: an unknown directive that occurs ten times is one error. */
function firstErrors(errors: readonly GraphQLError[]): readonly GraphQLError[] {
  const messages = new Set<string>()
  const isNew = ({ message }: GraphQLError): boolean =>
    !messages.has(message) && Boolean(messages.add(message))
  // The error after the last one only states that validation has stopped.
  return errors.slice(0, maxValidationErrors).filter(isNew).slice(0, maxShownErrors)
}

/** The same error without the suggestion at its end. Some rules of GraphQL suggest regardless of `hideSuggestions`. */
function withoutSuggestion(error: GraphQLError): GraphQLError {
  const message = error.message.replace(/ Did you mean .+\?$/s, '')
  if (message === error.message) return error
  const { nodes, source, positions, path, extensions, originalError } = error
  return new GraphQLError(message, { nodes, source, positions, path, extensions, originalError })
}
