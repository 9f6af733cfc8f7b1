import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { documentationPages, readFencedBlocks } from './fenced-blocks.ts'

const root = join(import.meta.dirname, '..', '..')

export type DocumentedPrograms = AsyncDisposable & {
  folder: string
  /** Loads a program by its name, as in its first line. The caller knows its exports from the page. */
  load<Exports>(name: string): Promise<Exports>
}

/** Writes the programs of the documentation that have their name in the first line into a folder, as a reader does. */
export async function writeDocumentedPrograms(): Promise<DocumentedPrograms> {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-programs-'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  const blocks = await readFencedBlocks(await documentationPages())
  for (const { text } of blocks) {
    const name = /^\/\/ ([\w-]+\.ts)\n/.exec(text)?.[1]
    if (name) await writeFile(join(folder, name), text)
  }
  return {
    folder,
    load: (name) => import(pathToFileURL(join(folder, name)).href),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
