import { z } from 'zod'

/** A variable that is true or false. */
export function flag() {
  return z.stringbool({ error: 'has to be true or false' })
}

/** A variable that holds an address of HTTP, such as the example. It is shown to people, so it holds no password. */
export function address(example: string) {
  return z
    .string()
    .refine(isPlainAddress, { error: `has to be an address such as ${example}, without a name or password` })
}

/** A variable that holds the address of a Postgres. */
export function postgresUrl() {
  return z.url({
    protocol: /^postgres(ql)?$/,
    error: 'has to be of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE',
  })
}

/** A variable that holds a whole number within these bounds. */
// Digits alone: Number() would take " " for 0, "1e3" and "0x10" too.
export function wholeNumber(least: number, most: number) {
  return z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most, {
      error: `has to be a whole number from ${least} to ${most}`,
    })
    .transform(Number)
}

function isPlainAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '')
}
