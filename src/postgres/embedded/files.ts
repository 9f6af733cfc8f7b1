import { chown, lchown, lstat, open, readdir, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Account } from './account.ts'

/** Whether anything, a dangling link too, stands at `path`. */
export async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  )
}

/** The parsed content of a JSON file. @throws when the file is missing or is not JSON; the error names it */
export async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8')
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`${file} is not JSON. Restore it, or move it and the cluster it names away.`, { cause })
  }
}

/** Writes a JSON file of mode 0600 which after a crash is either the old one or the new one. */
export async function writeJson(file: string, value: object): Promise<void> {
  const fresh = `${file}.new`
  const handle = await open(fresh, 'w', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(value, null, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await renameDurably(fresh, file)
}

/** Renames within one folder and waits until the new name is on the disk. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  const folder = await open(dirname(to), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Gives a folder and all that is in it to `account`. */
export async function giveFolder(folder: string, account: Account): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), account.uid, account.gid)
  }
  await chown(folder, account.uid, account.gid)
}
