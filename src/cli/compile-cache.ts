import { existsSync, lstatSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

/**
 * Keeps the compiled code of all modules that are imported from now on in `DATA_DIR/compile-cache`. Node writes it at the end
 * of the process, and reads it at the next start, which then takes three quarters of the processor time. It is not in the
 * temporary folder, Node's default, because code that another user can write must not run. For the same reason, the folder must
 * belong to this user alone: root can start a gateway in the folder of a service.
 *
 * Keeps nothing before the first start has created `DATA_DIR`, because a start that fails creates nothing, and nothing in a
 * folder that this user cannot write to.
 *
 * @param dataDir absolute, or relative to the working folder
 */
export function keepCompiledCode(dataDir: string): void {
  if (!existsSync(dataDir)) return
  const folder = join(dataDir, 'compile-cache')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid, mode } = lstatSync(folder)
    if (uid === process.getuid?.() && (mode & 0o022) === 0) enableCompileCache(folder)
  } catch {
    // The start fails with the right message when it needs the folder.
  }
}
