import type { DocumentNode } from 'graphql'
import type { YogaServerOptions } from 'graphql-yoga'

export type CacheOptions = Exclude<
  YogaServerOptions<object, object>['parserAndValidationCache'],
  boolean | undefined
>

const maxDocuments = 1_024

/** The maximum length of a cached document. It is more than twice the length of GraphiQL's introspection query. */
const maxCachedCharacters = 10_000

/** The maximum length of all cached documents. A parsed document takes up to 200 bytes for a character, with its plan. */
const maxCharacters = 500_000

/**
 * Creates a cache of the parsed documents that were used last, without errors and without long documents. It takes at most
 * about 100 MB. Yoga's default cache keeps 1,024 documents and 1,024 errors for an hour, whatever their length, so that a
 * client could fill a gigabyte of memory.
 */
export function createDocumentCache(): CacheOptions {
  // The one that was used last is the last one.
  const documents = new Map<string, DocumentNode>()
  let characters = 0
  const remove = (text: string): void => {
    if (documents.delete(text)) characters -= text.length
  }
  const add = (text: string, document: DocumentNode): void => {
    remove(text)
    documents.set(text, document)
    characters += text.length
  }
  return {
    documentCache: {
      get: (text) => {
        const document = documents.get(text)
        if (document) add(text, document)
        return document
      },
      set: (text, document) => {
        if (text.length > maxCachedCharacters) return
        add(text, document)
        for (const oldest of documents.keys()) {
          if (documents.size <= maxDocuments && characters <= maxCharacters) return
          remove(oldest)
        }
      },
    },
    errorCache: { get: () => undefined, set: () => {} },
  }
}
