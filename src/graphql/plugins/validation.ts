import { type DocumentNode, type GraphQLError, type GraphQLSchema, validate } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { errorsOf } from '../errors.ts'

/** Mistakes of one document that an answer holds. */
const maxMistakes = 3
/** Where validation stops: most of what comes after so many follows from the first. */
const maxErrors = 10

type Ended = {
  // Yoga has no type for what comes of it: one answer, or a stream of them.
  result: unknown
  setResult: (result: { errors: readonly GraphQLError[] }) => void
}

/**
 * Keeps answers to documents and variables that are wrong short.
 *
 * @param suggestions whether an answer names what is spelt like a wrong name, which gives the schema away
 */
export function limitMistakes(suggestions: boolean): Plugin {
  const options = { maxErrors, hideSuggestions: !suggestions }
  // Yoga's type of the arguments lacks what its executor reads.
  const hide = (args: object): void => {
    Object.assign(args, { hideSuggestions: !suggestions })
  }
  return {
    onValidate: ({ setValidationFn }) =>
      setValidationFn((schema: GraphQLSchema, document: DocumentNode) =>
        firstMistakes(validate(schema, document, undefined, options)),
      ),
    // Values of variables are checked only when the operation is executed.
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

/** The first few, each once: ten times the same unknown directive is one mistake. */
function firstMistakes(errors: readonly GraphQLError[]): readonly GraphQLError[] {
  const messages = new Set<string>()
  const isNew = ({ message }: GraphQLError): boolean =>
    !messages.has(message) && Boolean(messages.add(message))
  // The one after the last says only that validation has stopped.
  return errors.slice(0, maxErrors).filter(isNew).slice(0, maxMistakes)
}

/** An answer without data is one of values that do not fit: each of a list, each field of an object. */
function shorten({ result, setResult }: Ended): void {
  const errors = errorsOf(result)
  if (errors.length > 1 && !(result instanceof Object && 'data' in result))
    setResult({ errors: firstMistakes(errors) })
}
