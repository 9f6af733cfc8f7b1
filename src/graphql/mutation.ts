import type { InputFieldMap, InputShapeFromFields, ObjectFieldsShape } from '@pothos/core'
import type { Viewer } from '../tenant.ts'
import { builder, type InputBuilder, type SchemaTypes } from './builder.ts'
import { type Context, requireViewer } from './context.ts'
import { toUserErrors, UserError, type UserErrorValue } from './schema/user-errors.ts'

/** What a payload shows: the result of the command, or what is wrong with the input. */
export type Outcome<Result> = { result: Result | null; userErrors: UserErrorValue[] }

type MutationOptions<Fields extends InputFieldMap, Result> = {
  description: string
  /** The fields of the input. */
  input: (t: InputBuilder) => Fields
  run: (context: Context, viewer: Viewer, input: InputShapeFromFields<Fields>) => Promise<Result>
  /** The fields of the payload beside `userErrors`. */
  payload: ObjectFieldsShape<SchemaTypes, Outcome<Result>>
  /** Turns the path of an error from the command's point of view into one from the fields of the input down. */
  pathOf?: (path: readonly string[], input: InputShapeFromFields<Fields>) => readonly string[]
}

/**
 * Adds a mutation with one argument, `input: <Name>Input!`, and a payload of its own, `<Name>Payload`. Mistakes that the
 * caller can correct become `userErrors`, whose paths begin with `input`; any other error fails the field.
 */
export function mutation<Fields extends InputFieldMap, Result>(
  name: string,
  { description, input: fields, run, payload, pathOf = (path) => path }: MutationOptions<Fields, Result>,
): void {
  const inputFields: (t: InputBuilder) => InputFieldMap = fields
  builder.relayMutationField(
    name,
    { description: `The input of ${name}.`, inputFields },
    {
      description,
      nullable: true,
      resolve: async (_root, args, context): Promise<Outcome<Result>> => {
        // The builder gives the input the shape of its fields. TypeScript derives it only where it knows the fields.
        const input = args.input as InputShapeFromFields<Fields>
        try {
          return { result: await run(context, requireViewer(context), input), userErrors: [] }
        } catch (error) {
          return {
            result: null,
            userErrors: toUserErrors(error, (path) => ['input', ...pathOf(path, input)]),
          }
        }
      },
    },
    {
      description: `The payload of ${name}.`,
      outputFields: (t) => ({
        ...payload(t),
        userErrors: t.expose('userErrors', {
          type: [UserError],
          description: 'The reasons why the mutation had no effect. Empty when the mutation succeeded.',
        }),
      }),
    },
  )
}

type DeletionOptions = {
  /** The word for what is deleted. */
  object: string
  description: string
  run: (context: Context, viewer: Viewer, id: string) => Promise<unknown>
}

/** Adds a mutation that deletes the object with the id of the input; its payload gives that id back. */
export function deletion(name: string, { object, description, run }: DeletionOptions): void {
  mutation(name, {
    description,
    input: (t) => ({
      id: t.id({ required: true, description: `The global ID of the ${object} to delete.` }),
    }),
    run: async (context, viewer, { id }) => {
      await run(context, viewer, id)
      return id
    },
    payload: (t) => ({
      deletedId: t.id({
        nullable: true,
        description: `The global ID of the deleted ${object}. Null when there are user errors.`,
        resolve: ({ result }) => result,
      }),
    }),
  })
}
