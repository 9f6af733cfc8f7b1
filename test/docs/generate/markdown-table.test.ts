import { expect, test } from 'vitest'
import { markdownTable } from '../../../docs/generate/markdown-table.ts'

test('a vertical bar does not start a new cell', () => {
  expect(markdownTable(['Value', 'Meaning'], [['`a|b`', 'Either']])).toBe(
    '| Value | Meaning |\n| --- | --- |\n| `a\\|b` | Either |',
  )
})
