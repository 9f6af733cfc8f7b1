import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

/**
 * Keeps the compiled code of all modules that are imported from now on in `DATA_DIR/compile-cache`. Node writes it at the end
 * of the process, and reads it at the next start, which then takes three quarters of the processor time. It is not in the
 * temporary folder, Node's default, because code that another user can write must not run.
 *
 * Keeps nothing before the first start has created `DATA_DIR`, because a start that fails creates nothing, and nothing in a
 * folder that this user cannot write to.
 *
 * @param dataDir absolute, or relative to the working folder
 */
export function keepCompiledCode(dataDir: string): void {
  if (existsSync(dataDir)) enableCompileCache(join(dataDir, 'compile-cache'))
}
