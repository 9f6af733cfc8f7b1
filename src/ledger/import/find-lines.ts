import { readCsv } from './csv.ts'
import { openText } from './open-text.ts'

/** Returns the numbers of the lines of a CSV file that have a cell with this text. */
export async function findLines(path: string, cell: string): Promise<number[]> {
  const found: number[] = []
  const { parts } = await openText(path)
  for await (const lines of readCsv(parts)) {
    for (const { number, cells } of lines) if (cells.some((text) => text.trim() === cell)) found.push(number)
  }
  return found
}
