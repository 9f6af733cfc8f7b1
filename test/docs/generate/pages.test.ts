import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { generatedPages } from '../../../docs/generate/pages.ts'

test.each(Object.entries(generatedPages()))(
  'docs/%s is current; `npm run docs` writes it',
  async (path, text) => {
    const file = new URL(`../../../docs/${path}`, import.meta.url)
    expect(await readFile(file, 'utf8')).toBe(text)
  },
)
