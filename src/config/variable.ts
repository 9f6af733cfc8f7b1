import { z } from 'zod'
import { PostgresUrlError, readPostgresUrl } from './postgres-url.ts'

export type Variable = {
  name: string
  /** The path of its value in the configuration. */
  path: readonly PropertyKey[]
  schema: z.ZodType
}

const names = z.registry<{ name: string }>()

/** Names the environment variable that a schema reads. */
export function env<Schema extends z.ZodType>(name: string, schema: Schema): Schema {
  names.add(schema, { name })
  return schema
}

/** The variables of a schema and of the groups in it, in order. */
export function variablesOf({ shape }: z.ZodObject, path: readonly PropertyKey[] = []): Variable[] {
  return Object.entries(shape).flatMap(([key, field]) =>
    field instanceof z.ZodObject
      ? variablesOf(field, [...path, key])
      : // zod types the shape with the schemas of its core, but these schemas are all of zod's own classes.
        [{ name: nameOf(field), path: [...path, key], schema: field as z.ZodType }],
  )
}

/** Returns the values of a schema's variables, nested as the schema parses them. */
export function inputOf({ shape }: z.ZodObject, environment: Readonly<Record<string, string>>): object {
  return Object.fromEntries(
    Object.entries(shape).map(([key, field]) => [
      key,
      field instanceof z.ZodObject ? inputOf(field, environment) : environment[nameOf(field)],
    ]),
  )
}

export function flag() {
  return z.stringbool({ error: 'must be true or false' })
}

export function oneOf<const Word extends string>(words: readonly Word[]) {
  return z.enum(words, { error: `must be one of ${words.join(', ')}` })
}

export function matching(pattern: RegExp, what: string) {
  return z.string().regex(pattern, { error: `must be ${what}` })
}

/** A variable that holds an HTTP address, such as `example`. People see the address, so it must not contain a password. */
export function address(example: string) {
  return z
    .string()
    .refine(isPlainAddress, { error: `must be an address such as ${example}, without a name or password` })
}

/** A variable that holds the address and the login of a Postgres, as `readPostgresUrl` reads it. */
export function postgresUrl() {
  return z.string().superRefine((text, { addIssue }) => {
    try {
      readPostgresUrl(text)
    } catch (error) {
      if (!(error instanceof PostgresUrlError)) throw error
      addIssue({ code: 'custom', message: error.message })
    }
  })
}

// Digits alone: Number() also accepts " " as 0, "1e3" and "0x10".
export function integer(least: number, most: number) {
  return z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most, {
      error: `must be a whole number from ${least} to ${most}`,
    })
    .transform(Number)
}

export function origins() {
  return z
    .string()
    .transform((text) => text.split(',').flatMap((origin) => origin.trim() || []))
    .refine((list) => list.every(isOrigin), {
      error: 'must be origins separated by commas, such as https://app.example.com, or *',
    })
}

function nameOf(field: z.core.$ZodType): string {
  const name = names.get(field)?.name
  if (name === undefined) throw new Error('A field of the configuration has no variable.')
  return name
}

function isPlainAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '')
}

function isOrigin(text: string): boolean {
  return text === '*' || (URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text)
}
