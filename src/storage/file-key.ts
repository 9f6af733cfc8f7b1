import { modeOf, type Tenant } from '../tenant.ts'

type RunIdentity = Tenant & { id: string }

/** Folder of all files of a run. The account and mode are part of every path. */
export function runFolder(run: RunIdentity): string {
  return `${run.accountId}/${modeOf(run)}/${run.id}`
}

/** Storage key of one file of a run. */
export function fileKey(run: RunIdentity, fileId: string): string {
  return `${runFolder(run)}/${fileId}`
}

/** Storage key of a file as the database has it. */
export function keyOfFile(file: Tenant & { id: string; runId: string }): string {
  return fileKey({ ...file, id: file.runId }, file.id)
}

/** @throws Error when a text is no storage key: it would lead out of the store */
export function checkKey(key: string): void {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(key) || key.includes('..')) throw new Error(`${key} is no storage key.`)
}
