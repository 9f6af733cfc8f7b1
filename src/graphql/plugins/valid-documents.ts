import type { DocumentNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { CacheOptions } from './document-cache.ts'

export type ValidDocuments = ReturnType<typeof createValidDocuments>

/** Notes which documents of the cache are valid, so that the next request with one of them needs neither parser nor rules. */
export function createValidDocuments({ documentCache }: CacheOptions) {
  const valid = new WeakSet<DocumentNode>()
  const plugin: Plugin = {
    onValidate: ({ params: { documentAST } }) => {
      return (validated) => {
        if (validated.valid) valid.add(documentAST)
      }
    },
  }
  return {
    plugin,
    /** The document with a text; null unless it is in the cache and valid. */
    find: (text: string): DocumentNode | null => {
      const document = documentCache?.get(text)
      return document && valid.has(document) ? document : null
    },
  }
}
