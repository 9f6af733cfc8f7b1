import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import Papa from 'papaparse'
import { BadExport } from './bad-export.ts'

/** The column that is added to a rejected line. */
const reasonColumn = 'rejected_because'

export type RejectedFile = AsyncDisposable & {
  write(cells: readonly string[], reason: string): Promise<void>
  /** Ends the file, which is on the disk then. */
  finish(): Promise<void>
  /** Gives the finished file its name, and returns that; null when nothing was written. Without this it is thrown away. */
  keep(): Promise<string | null>
}

/**
 * Takes the rejected lines of a file, under its header and with their reason, to be mended and imported. It is made with the
 * first line, and has another name until it is kept.
 *
 * @throws BadExport when there is such a file already
 */
export async function openRejectedFile(source: string, header: readonly string[]): Promise<RejectedFile> {
  const path = `${source}.rejected.csv`
  if (await isThere(path)) {
    throw new BadExport(`its rejected lines would go into ${path}, which exists: move that away`)
  }
  const unfinished = `${path}.part`
  let file: FileHandle | null = null
  let isThrownAway = false
  const writeLine = async (cells: readonly string[]) => {
    file ??= await open(unfinished, 'w')
    isThrownAway = true
    await file.write(`${Papa.unparse([[...cells]])}\n`)
  }
  return {
    write: async (cells, reason) => {
      if (!file) await writeLine([...header, reasonColumn])
      await writeLine([...cells, reason])
    },
    finish: async () => {
      await file?.sync()
      await file?.close()
      file = null
    },
    keep: async () => {
      if (!isThrownAway) return null
      // What cannot be renamed stays as it is: the other lines are in the ledger.
      isThrownAway = false
      await rename(unfinished, path)
      return path
    },
    [Symbol.asyncDispose]: async () => {
      await file?.close()
      if (isThrownAway) await rm(unfinished, { force: true })
    },
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
