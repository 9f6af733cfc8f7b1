import { existsSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import Papa from 'papaparse'
import { type BadCell, BadExport } from './import-errors.ts'

/** A line that cannot be read, and why. */
export type BadLine = { number: number; cells: readonly string[]; error: BadCell }

/** Bad lines that are described one by one; of more, only how many there are. */
const maxDescribed = 20
/** Characters of a value that are shown. */
const maxShown = 80

/** The column that is added to a rejected line. */
const reasonColumn = 'rejected_because'

export type RejectedLines = ReturnType<typeof createRejectedLines>

/**
 * Counts the lines of a file that cannot be read, and describes the first. When they are to be skipped, they also go into a
 * file, under the header and with their reason, to be corrected and imported. It is created with the first line, and has
 * another name until it is kept.
 *
 * @throws BadExport when there is such a file already
 */
export function createRejectedLines(source: string, header: readonly string[], areSkipped: boolean) {
  const path = `${source}.rejected.csv`
  if (areSkipped && existsSync(path)) {
    throw new BadExport(`its rejected lines would go into ${path}, which exists: move that away`)
  }
  const unfinished = `${path}.part`
  const first: string[] = []
  let count = 0
  let file: FileHandle | null = null
  let isTemporary = false

  const write = async ({ cells, error }: BadLine): Promise<void> => {
    const lines = [[...cells, error.message]]
    if (!file) {
      file = await open(unfinished, 'w')
      isTemporary = true
      lines.unshift([...header, reasonColumn])
    }
    await file.write(`${Papa.unparse(lines, { newline: '\n' })}\n`)
  }
  return {
    add: async (line: BadLine): Promise<void> => {
      const { column, value, message } = line.error
      const what = [column ?? 'the line', ...(value ? [preview(value)] : [])].join(' ')
      if (++count <= maxDescribed) first.push(`${source}:${line.number}: ${what} ${message}.`)
      if (areSkipped) await write(line)
    },
    count: () => count,
    /** A sentence for each of the first, and one for how many more there are. */
    sentences: (): string[] =>
      count > first.length ? [...first, `${source}: and ${count - first.length} more.`] : first,
    /** Ends the file, which is on the disk then. */
    finish: async (): Promise<void> => {
      await file?.sync()
      await file?.close()
      file = null
    },
    /** Gives the finished file its name, and returns that; null when nothing was written. Without this it is removed. */
    keep: async (): Promise<string | null> => {
      if (!isTemporary) return null
      // What cannot be renamed stays as it is: the other lines are in the ledger.
      isTemporary = false
      await rename(unfinished, path)
      return path
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await file?.close()
      if (isTemporary) await rm(unfinished, { force: true })
    },
  }
}

function preview(value: string): string {
  return JSON.stringify(value.length > maxShown ? `${value.slice(0, maxShown)}…` : value)
}
