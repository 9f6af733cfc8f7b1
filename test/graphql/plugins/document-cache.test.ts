import { parse } from 'graphql'
import { expect, test } from 'vitest'
import { createDocumentCache } from '../../../src/graphql/plugins/document-cache.ts'

const document = parse('{ __typename }')

function keptOf(texts: readonly string[], used: readonly string[] = []): string[] {
  const { documentCache } = createDocumentCache()
  for (const text of texts) {
    documentCache?.set(text, document)
    for (const one of used) documentCache?.get(one)
  }
  return texts.filter((text) => documentCache?.get(text) === document)
}

function textsOf(count: number, length: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index).padStart(length, '#'))
}

test('the cache keeps the documents that were used last, up to a number', () => {
  const texts = textsOf(1_030, 5)
  const [first = '', ...others] = texts
  expect(keptOf(texts, [first])).toEqual([first, ...others.slice(6)])
})

test('the cache keeps the documents that were used last, up to a length of all', () => {
  const texts = textsOf(60, 10_000)
  expect(keptOf(texts)).toEqual(texts.slice(10))
  const [first = '', ...others] = texts
  expect(keptOf(texts, [first])).toEqual([first, ...others.slice(10)])
})

test('a document that is stored again counts once', () => {
  const texts = textsOf(40, 10_000)
  expect(keptOf([...texts, ...texts])).toHaveLength(80)
})

test('the cache keeps only short documents and no errors', () => {
  const { documentCache, errorCache } = createDocumentCache()
  const [short, long] = ['{__typename}', `{__typename} #${'x'.repeat(10_000)}`]
  for (const text of [short, long]) documentCache?.set(text, parse(text))
  errorCache?.set('{', new Error('a mistake'))
  expect([documentCache?.get(short)?.kind, documentCache?.get(long), errorCache?.get('{')]).toEqual([
    'Document',
    undefined,
    undefined,
  ])
})
