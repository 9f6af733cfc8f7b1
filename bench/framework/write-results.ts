import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { drawChart } from './chart.ts'
import type { RowResult } from './result.ts'
import { figureTable, goalTable } from './tables.ts'

/** Writes NAME.json, NAME.md and NAME.svg of a row. */
export async function writeResults(folder: string, result: RowResult, chart: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const file = (ending: string): string => join(folder, `${result.name}.${ending}`)
  await writeFile(file('json'), `${JSON.stringify(result, null, 2)}\n`)
  await writeFile(file('md'), `${sections(result).join('\n\n')}\n`)
  await writeFile(file('svg'), drawChart(result, chart))
}

/** The tables and notes of a row, each as a block of Markdown. */
export function sections({ figures, cases, goals, notes }: RowResult): string[] {
  return [
    figureTable({ figures, cases }),
    ...(goals.length > 0 ? [goalTable(goals)] : []),
    ...(notes.length > 0 ? [notes.map((note) => `- ${note}`).join('\n')] : []),
  ]
}
