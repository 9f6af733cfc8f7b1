import type { InputFieldMap, InputShapeFromFields, ObjectFieldsShape } from '@pothos/core'
import type { Viewer } from '../tenant.ts'
import { builder, type InputBuilder, type SchemaTypes } from './builder.ts'
import { type Context, requireViewer } from './context.ts'
import { toUserErrors, UserError, type UserErrorValue } from './schema/user-errors.ts'

/** The value behind a payload: the result of the command, or the errors of the input. */
export type Outcome<Result> = { result: Result | null; userErrors: UserErrorValue[] }

type MutationOptions<Fields extends InputFieldMap, Result> = {
  description: string
  /** The fields of the input. */
  input: (t: InputBuilder) => Fields
  run: (context: Context, viewer: Viewer, input: InputShapeFromFields<Fields>) => Promise<Result>
  /** The fields of the payload other than `userErrors`. */
  payload: ObjectFieldsShape<SchemaTypes, Outcome<Result>>
  /** Returns how the path of an error in the command's request maps to a path in the input. Called once per failure. */
  pathOf?: (input: InputShapeFromFields<Fields>) => (path: readonly string[]) => readonly string[]
}

/**
 * Adds a mutation with one argument, `input: <Name>Input!`, and its own payload, `<Name>Payload`. Errors that the caller
 * can correct become `userErrors`, whose paths start with `input`. Any other error fails the field.
 */
export function mutation<Fields extends InputFieldMap, Result>(
  name: string,
  {
    description,
    input: fields,
    run,
    payload,
    pathOf = () => (path) => path,
  }: MutationOptions<Fields, Result>,
): void {
  const inputFields: (t: InputBuilder) => InputFieldMap = fields
  builder.relayMutationField(
    name,
    { description: `The input of ${name}.`, inputFields },
    {
      description,
      nullable: true,
      resolve: async (_root, args, context): Promise<Outcome<Result>> => {
        // The builder gives the input the shape of its fields, which TypeScript derives only for known fields.
        const input = args.input as InputShapeFromFields<Fields>
        try {
          return { result: await run(context, requireViewer(context), input), userErrors: [] }
        } catch (error) {
          const toInputPath = pathOf(input)
          return { result: null, userErrors: toUserErrors(error, (path) => ['input', ...toInputPath(path)]) }
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
  /** The noun for the deleted object. */
  object: string
  description: string
  run: (context: Context, viewer: Viewer, id: string) => Promise<unknown>
}

/** Adds a mutation that deletes the object with the ID in the input, and returns that ID. */
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
