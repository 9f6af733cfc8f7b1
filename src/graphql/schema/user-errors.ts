import { type UserErrorCode as UserErrorCodeValue, userErrorCodes } from '../../error-codes.ts'
import {
  IdempotencyError,
  InputError,
  InputErrors,
  LimitError,
  UserFacingError,
  WrongStatusError,
} from '../../errors.ts'
import { builder, describedEnum } from '../builder.ts'

const UserErrorCode = describedEnum(
  'UserErrorCode',
  'Codes of user errors. New values may be added.',
  describeCodes(),
)

/** A domain error with the path of the input at fault, starting with the name of the argument. */
export type UserErrorValue = { error: UserFacingError; path: readonly string[] | null }

export const UserError = builder.interfaceRef<UserErrorValue>('UserError').implement({
  description:
    'An error that the caller can correct. The types that implement this interface have more fields.',
  resolveType: ({ error }) => {
    if (error instanceof WrongStatusError) return 'StatusError'
    if (error instanceof IdempotencyError) return 'IdempotencyError'
    return error instanceof LimitError ? 'LimitError' : 'InputError'
  },
  fields: (t) => ({
    code: t.field({
      type: UserErrorCode,
      description: 'The stable code of the error, for programs.',
      resolve: ({ error }) => error.code,
    }),
    message: t.string({
      description: 'The message of the error, for people.',
      resolve: ({ error }) => error.message,
    }),
    path: t.stringList({
      nullable: true,
      description:
        'The path to the input at fault, starting with the name of the argument. Null when no single input is at fault.',
      resolve: ({ path }) => path,
    }),
  }),
})

builder.objectRef<UserErrorValue>('InputError').implement({
  description: 'The value of an input is not allowed, or the object that it names does not exist.',
  interfaces: [UserError],
  fields: (t) => ({
    allowed: t.stringList({
      nullable: true,
      description: 'The values that are accepted. Null when they are not a short list.',
      resolve: ({ error }) => (error instanceof InputError ? error.allowed : null),
    }),
  }),
})

builder.objectRef<UserErrorValue & { error: LimitError }>('LimitError').implement({
  description: 'A limit is reached. The same request may succeed later.',
  interfaces: [UserError],
  fields: (t) => ({
    limit: t.int({ description: 'The maximum that the limit allows.', resolve: ({ error }) => error.limit }),
    retryAfter: t.field({
      type: 'DateTime',
      description: 'When to send the request again.',
      resolve: ({ error }) => error.retryAfter,
    }),
  }),
})

export const IdempotencyErrorRef = builder.objectRef<UserErrorValue & { error: IdempotencyError }>(
  'IdempotencyError',
)

export const StatusError = builder.objectRef<UserErrorValue & { error: WrongStatusError }>('StatusError')

/**
 * Converts the error of a command to user errors, each with its path in the arguments.
 *
 * @param pathOf maps a path in the command's request to a path that starts with the argument
 * @throws the same error when the caller cannot correct it
 */
export function toUserErrors(
  thrown: unknown,
  pathOf: (path: readonly string[]) => readonly string[],
): UserErrorValue[] {
  const errors = thrown instanceof InputErrors ? thrown.errors : [thrown]
  return errors.map((error) => {
    if (!(error instanceof UserFacingError)) throw thrown
    return { error, path: error.path.length > 0 ? pathOf(error.path) : null }
  })
}

function describeCodes(): Record<UserErrorCodeValue, string> {
  const codes = Object.entries(userErrorCodes)
  const texts = codes.map(([code, { meaning, action }]) => [code, `${meaning} ${action}`])
  // The keys are those of the table, which the type of Object.fromEntries does not express.
  return Object.fromEntries(texts) as Record<UserErrorCodeValue, string>
}
