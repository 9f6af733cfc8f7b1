type RunIdentity = { id: string; accountId: string; livemode: boolean }

/** Folder of all files of a run. The account and mode are part of every path. */
export const runFolder = ({ id, accountId, livemode }: RunIdentity): string =>
  `${accountId}/${livemode ? 'live' : 'test'}/${id}`

/** Storage key of one file of a run. */
export const fileKey = (run: RunIdentity, fileId: string): string => `${runFolder(run)}/${fileId}`

/** Storage key of a file as the database has it. */
export const keyOfFile = (file: {
  id: string
  runId: string
  accountId: string
  livemode: boolean
}): string => fileKey({ ...file, id: file.runId }, file.id)

/** @throws Error when a text is no storage key: it would lead out of the store */
export const checkKey = (key: string): void => {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(key) || key.includes('..')) throw new Error(`${key} is no storage key.`)
}
