import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generatedPages } from './pages.ts'

for (const [path, text] of Object.entries(generatedPages())) {
  const file = join(import.meta.dirname, '..', path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  process.stdout.write(`Wrote docs/${path}.\n`)
}
