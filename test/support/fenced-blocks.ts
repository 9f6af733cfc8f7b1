import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export type FencedBlock = {
  /** Path of the page, from the root of the repository. */
  file: string
  /** Line of the fence, from 1. */
  line: number
  language: string
  text: string
  /** What the comment `<!-- not run: … -->` above the fence says; null without one. */
  notRun: string | null
}

const root = join(import.meta.dirname, '..', '..')

/** The pages for people: README.md, CONTRIBUTING.md, and all below docs and examples. */
export async function documentationPages(): Promise<string[]> {
  const folders = await Promise.all(
    ['docs', 'examples'].map(async (folder) => {
      const names = await readdir(join(root, folder), { recursive: true }).catch(() => [])
      return names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name))
    }),
  )
  return ['README.md', 'CONTRIBUTING.md', ...folders.flat().sort()]
}

/** The fenced blocks of the pages, in order. */
export async function readFencedBlocks(pages: readonly string[]): Promise<FencedBlock[]> {
  const texts = await Promise.all(pages.map((page) => readFile(join(root, page), 'utf8')))
  return texts.flatMap((text, index) =>
    [...text.matchAll(/^(?:<!-- not run: (.+) -->\n)?```(\w+)\n(.*?)^```$/gms)].map((match) => ({
      file: pages[index] ?? '',
      line: text.slice(0, match.index).split('\n').length + (match[1] === undefined ? 0 : 1),
      language: match[2] ?? '',
      text: match[3] ?? '',
      notRun: match[1] ?? null,
    })),
  )
}
