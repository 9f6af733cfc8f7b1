import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { RowResult } from '../../bench/framework/result.ts'

const script = fileURLToPath(new URL('../../bench/bench.ts', import.meta.url))
const tiny = ['--runs', '2000', '--rounds', '1', '--seconds', '0.2', '--scale', '0.005']
// The other rows install peers, or take minutes.
const names = ['deep', 'defences']

test('the bench measures and draws rows', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-bench-test-'))
  try {
    await promisify(execFile)(process.execPath, [script, ...names, ...tiny, '--out', folder])
    for (const name of names) {
      const result: RowResult = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8'))
      const figures = result.cases.flatMap(({ sides }) =>
        sides.flatMap((side) => Object.values(side.figures)),
      )
      expect(figures.length, name).toBeGreaterThan(0)
      // The medians of work that takes no time that the clock shows are 0, but never less, and never missing.
      for (const { median } of figures) expect(median, name).toEqual(expect.any(Number))
      expect(await readFile(join(folder, `${name}.svg`), 'utf8')).toMatch(/^<svg /)
    }
    expect((await readdir(folder)).length).toBe(3 * names.length)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 300_000)
