import { existsSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import Papa from 'papaparse'
import { type BadCell, BadExport } from './import-errors.ts'

/** An invalid line and its error. */
export type BadLine = { number: number; cells: readonly string[]; error: BadCell }

/** Maximum number of lines with their own message. Others are only counted. */
const maxDescribed = 20
/** Maximum length of a value in a message. */
const maxPreview = 80

/** The column that is added to rejected lines. */
const reasonColumn = 'rejected_because'

export type RejectedLines = ReturnType<typeof createRejectedLines>

/**
 * Collects the invalid lines of a file. When they are skipped, it also writes them with header and reason into a file
 * that the user can correct and import. The first line creates that file under a temporary name, and `keep` renames it.
 *
 * @throws BadExport when the file for the rejected lines already exists
 */
export function createRejectedLines(source: string, header: readonly string[], areSkipped: boolean) {
  const path = `${source}.rejected.csv`
  if (areSkipped && existsSync(path)) {
    throw new BadExport(`its rejected lines would overwrite ${path}: move or delete that file`)
  }
  const unfinished = `${path}.part`
  const first: string[] = []
  let count = 0
  let file: FileHandle | null = null
  let isTemporary = false

  const write = async ({ cells, error }: BadLine): Promise<void> => {
    const lines = [[...cells, error.message]]
    if (!file) {
      file = await open(unfinished, 'w').catch((cause: Error) => {
        throw new BadExport(`its rejected lines cannot be written to ${path}: ${cause.message}`, { cause })
      })
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
    /** Returns a message for each of the first lines, and one with the number of others. */
    messages: (): string[] =>
      count > first.length ? [...first, `${source}: and ${count - first.length} more.`] : first,
    /** Syncs the file to disk and closes it. */
    finish: async (): Promise<void> => {
      await file?.sync()
      await file?.close()
      file = null
    },
    /** Renames the finished file and returns its path; null when there is none. Without this call, disposal deletes it. */
    keep: async (): Promise<string | null> => {
      if (!isTemporary) return null
      // If renaming fails, the temporary file stays, because the transaction has committed without its lines.
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
  return JSON.stringify(value.length > maxPreview ? `${value.slice(0, maxPreview)}…` : value)
}
