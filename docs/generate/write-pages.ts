import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generatedPages } from './pages.ts'
import { readResults, withMainFigures } from './performance.ts'

for (const [path, text] of Object.entries(generatedPages())) {
  const file = join(import.meta.dirname, '..', path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  process.stdout.write(`Wrote docs/${path}.\n`)
}

const readme = join(import.meta.dirname, '..', '..', 'README.md')
await writeFile(readme, withMainFigures(await readFile(readme, 'utf8'), readResults()))
process.stdout.write('Wrote the main figures of README.md.\n')
