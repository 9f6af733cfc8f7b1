import { z } from 'zod'

/** A variable that is true or false. */
export const flag = () => z.stringbool({ error: 'has to be true or false' })

const isPlainAddress = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && search === '' && hash === ''
}

/** A variable that holds an address of HTTP, such as the example. */
export const address = (example: string) =>
  z.string().refine(isPlainAddress, { error: `has to be an address such as ${example}` })
