import { modeOf, type Tenant } from '../tenant.ts'

type RunIdentity = Tenant & { id: string }

/** Folder of all files of a run. The account and mode are part of every path. */
export const runFolder = (run: RunIdentity): string => `${run.accountId}/${modeOf(run)}/${run.id}`

/** Storage key of one file of a run. */
export const fileKey = (run: RunIdentity, fileId: string): string => `${runFolder(run)}/${fileId}`

/** Storage key of a file as the database has it. */
export const keyOfFile = (file: Tenant & { id: string; runId: string }): string =>
  fileKey({ ...file, id: file.runId }, file.id)

/** @throws Error when a text is no storage key: it would lead out of the store */
export const checkKey = (key: string): void => {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(key) || key.includes('..')) throw new Error(`${key} is no storage key.`)
}
