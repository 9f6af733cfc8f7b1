import type { InputFieldMap, InputShapeFromFields, ObjectFieldsShape } from '@pothos/core'
import type { Viewer } from '../tenant.ts'
import { type ArgBuilder, builder, type SchemaTypes } from './builder.ts'
import { type Context, requireViewer } from './context.ts'
import { toUserErrors, UserError, type UserErrorValue } from './schema/user-errors.ts'

/** What comes of a mutation: its result, or what was wrong with the request. */
export type Outcome<Result> = { result: Result | null; userErrors: UserErrorValue[] }

type PayloadOptions<Result> = {
  description: string
  fields: ObjectFieldsShape<SchemaTypes, Outcome<Result>>
  /** Description of the field `userErrors`. */
  userErrors: string
}

/** The type of a mutation's payload: its own fields, and `userErrors`. */
export function payload<Result>(name: string, { description, fields, userErrors }: PayloadOptions<Result>) {
  return builder.objectRef<Outcome<Result>>(name).implement({
    description,
    fields: (t) => ({
      ...fields(t),
      userErrors: t.expose('userErrors', { type: [UserError], description: userErrors }),
    }),
  })
}

type MutationOptions<Args extends InputFieldMap, Result> = {
  type: ReturnType<typeof payload<Result>>
  description: string
  args: (arg: ArgBuilder) => Args
  run: (args: InputShapeFromFields<Args>, context: Context, viewer: Viewer) => Promise<Result>
  /** Turns the path of an error from the command's point of view into one from the arguments down. */
  pathOf?: (path: readonly string[], args: InputShapeFromFields<Args>) => readonly string[]
}

/** A mutation: mistakes that the caller can mend become `userErrors`, any other error fails the field. */
export function mutation<Args extends InputFieldMap, Result>(
  name: string,
  { type, description, args, run, pathOf = (path) => path }: MutationOptions<Args, Result>,
): void {
  builder.mutationField(name, (t) =>
    t.field({
      type,
      nullable: true,
      description,
      args: args(t.arg),
      resolve: async (_root, given, context): Promise<Outcome<Result>> => {
        try {
          return { result: await run(given, context, requireViewer(context)), userErrors: [] }
        } catch (error) {
          return { result: null, userErrors: toUserErrors(error, (path) => pathOf(path, given)) }
        }
      },
    }),
  )
}

type DeletionOptions = {
  /** What is removed, and the verb for that. */
  object: string
  verb: string
  description: string
  remove: (context: Context, viewer: Viewer, id: string) => Promise<unknown>
}

/** A mutation that removes an object; its payload has the id of that object. */
export function deletion(name: string, { object, verb, description, remove }: DeletionOptions): void {
  mutation(name, {
    type: payload<string>(`${name[0]?.toUpperCase()}${name.slice(1)}Payload`, {
      description: `Payload of ${name}.`,
      fields: (t) => ({
        deletedId: t.id({
          nullable: true,
          description: `Global id of the ${object} that was ${verb}d; null only with userErrors.`,
          resolve: ({ result }) => result,
        }),
      }),
      userErrors: `What was wrong; then nothing was ${verb}d.`,
    }),
    description,
    args: (arg) => ({
      id: arg.id({ required: true, description: `Global id of the ${object} to ${verb}.` }),
    }),
    run: async ({ id }, context, viewer) => {
      await remove(context, viewer, id)
      return id
    },
  })
}
