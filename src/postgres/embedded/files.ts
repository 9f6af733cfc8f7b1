import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import type { z } from 'zod'

/**
 * Where root keeps what an unprivileged Postgres must reach when the checkout or the data folder lies below a
 * folder which only root can enter:
 *
 *     postgres-<package version>/   a copy of the binaries
 *     <cluster id>/                 a cluster
 *     <cluster id>.json             which DATA_DIR it belongs to
 */
export const systemFolder = '/var/lib/report-gateway'

export async function makeSystemFolder(): Promise<string> {
  try {
    await mkdir(systemFolder, { recursive: true })
    await chmod(systemFolder, 0o755)
    return systemFolder
  } catch (cause) {
    throw new Error(
      `Postgres cannot run as root, and ${systemFolder}, where another account could run it, cannot be made. ` +
        'Run as an ordinary user, or set DATABASE_URL.',
      { cause },
    )
  }
}

/** The content of a JSON file. @throws when it is missing or is not as expected; the error names it */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    throw new Error(`Cannot read ${file}. Is it whole, and does it belong to this user?`, { cause })
  }
}

/** Writes a JSON file of mode 0600 which after a crash is either the old one or the new one. */
export async function writeJson(file: string, value: object): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush: true })
  await rename(`${file}.new`, file)
}
