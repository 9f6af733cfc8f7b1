import { access, constants, mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ConfigurationError, codeOf } from '../errors.ts'

/** The folder of the data when DATA_DIR is not set. */
export const defaultDataDir = '.data'

/**
 * Creates a folder and the folders above it, unless they exist, and checks that this user can write to it.
 *
 * @param path absolute, or relative to the working folder
 * @param mode permissions of each new folder
 * @returns the path without links
 * @throws ConfigurationError that says what prevents it, when the folder cannot be created or written to
 */
export async function makeDataFolder(path: string, mode: number): Promise<string> {
  const folder = resolve(path)
  try {
    await makeFolder(folder, mode)
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return await realpath(folder)
  } catch (cause) {
    const code = codeOf(cause)
    const reason = reasons[code] ?? `the system reported ${code || String(cause)}`
    throw new ConfigurationError(
      `Cannot use the folder ${folder}: ${reason}. Set DATA_DIR to a folder that this user can write to.`,
      { cause },
    )
  }
}

const reasons: Record<string, string> = {
  EACCES: 'this user has no permission',
  EPERM: 'this user has no permission',
  EROFS: 'its file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'it, or a part of its path, is not a folder',
  EEXIST: 'it, or a part of its path, is not a folder',
  ENOENT: 'its file system accepts no new folders there',
  ELOOP: 'its path is a circle of links',
  ENAMETOOLONG: 'its path is too long',
}

/** Not `recursive`: on a file system such as /proc, where every new folder fails with ENOENT, that never ends. */
async function makeFolder(folder: string, mode: number): Promise<void> {
  const isMissing = await stat(folder).then(
    (found) => {
      if (!found.isDirectory()) throw Object.assign(new Error(`${folder} is a file.`), { code: 'ENOTDIR' })
      return false
    },
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' || folder === dirname(folder)) throw error
      return true
    },
  )
  if (!isMissing) return
  await makeFolder(dirname(folder), mode)
  await mkdir(folder, { mode }).catch(async (error: NodeJS.ErrnoException) => {
    // Another process has made it.
    const isThere = error.code === 'EEXIST' && (await stat(folder)).isDirectory()
    if (!isThere) throw error
  })
}
