import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import config from '../graphql.config.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('graphql.config.ts names the schema and every file of documents in src', () => {
  expect(globSync(config.schema, { cwd: root })).toHaveLength(1)
  const named = new Set(globSync(config.documents, { cwd: root }))
  const withDocuments = globSync('src/**/*.{ts,graphql}', { cwd: root }).filter(
    (path) => path.endsWith('.graphql') || /\bgraphql\(`/.test(readFileSync(`${root}/${path}`, 'utf8')),
  )
  expect(withDocuments.length).toBeGreaterThan(1)
  expect(withDocuments.filter((path) => !named.has(path))).toEqual([])
})
