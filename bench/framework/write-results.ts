import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { drawChart } from './chart.ts'
import type { RowResult } from './result.ts'
import { sections } from './tables.ts'

/** Writes NAME.json, NAME.md and NAME.svg of a row. */
export async function writeResults(folder: string, result: RowResult, chart: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const file = (ending: string): string => join(folder, `${result.name}.${ending}`)
  await writeFile(file('json'), `${JSON.stringify(result, null, 2)}\n`)
  await writeFile(file('md'), `${sections(result).join('\n\n')}\n`)
  await writeFile(file('svg'), drawChart(result, chart))
}
