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
  'Codes of user errors; new ones may be added.',
  describeCodes(),
)

/** A domain error, with the path of the input at fault as GraphQL knows it. */
export type UserErrorValue = { error: UserFacingError; path: readonly string[] | null }

export const UserError = builder.interfaceRef<UserErrorValue>('UserError').implement({
  description: 'A mistake that the caller can correct. Select code and message; narrow by type for more.',
  resolveType: ({ error }) => {
    if (error instanceof WrongStatusError) return 'StatusError'
    if (error instanceof IdempotencyError) return 'IdempotencyError'
    return error instanceof LimitError ? 'LimitError' : 'InputError'
  },
  fields: (t) => ({
    code: t.field({
      type: UserErrorCode,
      description: 'Stable code to branch on.',
      resolve: ({ error }) => error.code,
    }),
    message: t.string({ description: 'A sentence for people.', resolve: ({ error }) => error.message }),
    path: t.stringList({
      nullable: true,
      description:
        'The path of the input at fault, which begins with the name of the argument; null when no single input is at fault.',
      resolve: ({ path }) => path,
    }),
  }),
})

builder.objectRef<UserErrorValue>('InputError').implement({
  description: 'A plain mistake.',
  interfaces: [UserError],
  fields: (t) => ({
    allowed: t.stringList({
      nullable: true,
      description: 'What would be accepted; null when that is no short list.',
      resolve: ({ error }) => (error instanceof InputError ? error.allowed : null),
    }),
  }),
})

builder.objectRef<UserErrorValue & { error: LimitError }>('LimitError').implement({
  description: 'A limit was met.',
  interfaces: [UserError],
  fields: (t) => ({
    limit: t.int({ description: 'How many are allowed.', resolve: ({ error }) => error.limit }),
    retryAfter: t.field({
      type: 'DateTime',
      description: 'When to try again.',
      resolve: ({ error }) => error.retryAfter,
    }),
  }),
})

export const IdempotencyErrorRef = builder.objectRef<UserErrorValue & { error: IdempotencyError }>(
  'IdempotencyError',
)

export const StatusError = builder.objectRef<UserErrorValue & { error: WrongStatusError }>('StatusError')

/**
 * The domain errors behind what a command threw, each with its path in the mutation's arguments.
 *
 * @param pathOf turns a command's own path into one from the argument down
 * @throws what was thrown, when the caller cannot mend it
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
  // Its keys are those of the table, which Object.fromEntries does not say.
  return Object.fromEntries(texts) as Record<UserErrorCodeValue, string>
}
