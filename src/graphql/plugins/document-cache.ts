import type { DocumentNode } from 'graphql'
import { createLRUCache, type YogaServerOptions } from 'graphql-yoga'

type CacheOptions = Exclude<
  YogaServerOptions<object, object>['parserAndValidationCache'],
  boolean | undefined
>

/** Characters of the longest document that is kept: twice those of GraphiQL's query for the schema, and more. */
const longestKept = 10_000

/**
 * Keeps documents parsed, but not the long ones, and no mistakes: the cache of Yoga itself keeps 1,024 of each for an
 * hour, whatever their length, so that a client could fill a gigabyte of memory with them.
 */
export function createDocumentCache(): CacheOptions {
  const documents = createLRUCache<DocumentNode>()
  return {
    documentCache: {
      get: (text) => documents.get(text),
      set: (text, document) => {
        if (text.length <= longestKept) documents.set(text, document)
      },
    },
    errorCache: { get: () => undefined, set: () => {} },
  }
}
