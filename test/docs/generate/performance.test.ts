import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { type RowResult, spreadOf } from '../../../bench/framework/result.ts'
import {
  mainFigures,
  performancePage,
  readResults,
  withMainFigures,
} from '../../../docs/generate/performance.ts'

const list: RowResult = {
  name: 'list',
  work: 'A page of runs.',
  figures: [{ name: 'requests/s', unit: '', decimals: 0 }],
  cases: [
    {
      name: 'a page',
      sides: [
        { side: 'ours', figures: { 'requests/s': spreadOf([1990, 2000, 2010]) } },
        { side: 'stock', figures: { 'requests/s': spreadOf([400]) } },
      ],
    },
  ],
  goals: [{ what: 'ours / stock', value: 5, bound: 5, must: 'at least' }],
  notes: ['A note.'],
  circumstances: {
    date: '2026-12-01',
    commit: 'abc',
    machine: { cores: 2, model: 'A processor', memoryGiB: 8 },
    versions: { node: '24.0.0' },
    postgresSettings: { fsync: 'on' },
    size: {},
  },
}

test('the main figures of the README are those of the bench; `npm run docs` writes them', async () => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  expect(withMainFigures(readme, readResults())).toBe(readme)
  expect(withMainFigures(readme, [list])).toContain('lists 5.00 × as fast')
})

test('the page has the tables, the notes and the circumstances of a row', () => {
  const page = performancePage([list])
  expect(page).toContain('| a page | ours | 2,000 (1,990–2,010) |  |')
  expect(page).toContain('|  | stock | 400 | 5.00 × |')
  expect(page).toContain('| ours / stock | 5.00 | at least 5 | yes |')
  expect(page).toContain('- A note.')
  expect(page).toContain(
    'on 2 cores of A processor with 8 GiB: node 24.0.0. Settings of Postgres: `fsync = on`.',
  )
})

test('without results there are no main figures', () => {
  expect(mainFigures([])).toBe('')
})
