import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', '.github/**/*.md'], {
  cwd: root,
}).toSorted()

type Link = { line: number; target: string }

/** The text in which code is blank, so that lines keep their numbers. */
function withoutCode(markdown: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, ' ')
  return markdown
    .replace(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^\1\2 *$/gm, blank)
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, blank)
}

/** The targets of inline links, images and link definitions. */
function linksOf(markdown: string): Link[] {
  const text = withoutCode(markdown)
  const pattern = /\]\(\s*<?([^()\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/gm
  return [...text.matchAll(pattern)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length,
    target: match[1] ?? match[2] ?? '',
  }))
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>()
  const counts = new Map<string, number>()
  const text = markdown.replace(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^\1\2 *$/gm, '')
  for (const [, heading = ''] of text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = words.replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '').replaceAll(' ', '-')
    const count = counts.get(slug) ?? 0
    counts.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  for (const [, id = ''] of text.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id)
  return anchors
}

/** Why a link of a page leads nowhere; null when it leads somewhere, or to another host. */
function fault(page: string, target: string): string | null {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return null
  if (target.startsWith('/')) return 'is absolute, which is relative to the host on the web'
  const [path = '', anchor] = target.split('#', 2)
  const file = path === '' ? join(root, page) : resolve(root, dirname(page), decodeURIComponent(path))
  if (relative(root, file).startsWith('..')) return 'leads out of the repository'
  if (!existsSync(file)) return 'names a file that does not exist'
  if (anchor === undefined || /^L\d+(-L\d+)?$/.test(anchor)) return null
  if (statSync(file).isDirectory() || !file.endsWith('.md'))
    return 'has an anchor in something other than a page'
  return anchorsOf(readFileSync(file, 'utf8')).has(decodeURIComponent(anchor))
    ? null
    : 'names a heading that does not exist'
}

test('the pages are found', () => {
  expect(pages).toEqual(expect.arrayContaining(['CONTRIBUTING.md', 'README.md', 'docs/architecture.md']))
})

test.each(pages)('every relative link of %s leads to a file and a heading that exist', (page) => {
  const links = linksOf(readFileSync(join(root, page), 'utf8'))
  const faults = links.flatMap(({ line, target }) => {
    const why = fault(page, target)
    return why === null ? [] : [`${page}:${line} ${target} ${why}`]
  })
  expect(faults).toEqual([])
})

describe('the checks above', () => {
  test('find links, but not in code', () => {
    const markdown = [
      '[a](a.md) and ![b](<b.png> "B"), `[no](no.md)`',
      '```md',
      '[no](no.md)',
      '```',
      '[`c`](c.ts#L3)',
      '[d]: d.md',
    ].join('\n')
    expect(linksOf(markdown)).toEqual([
      { line: 1, target: 'a.md' },
      { line: 1, target: 'b.png' },
      { line: 5, target: 'c.ts#L3' },
      { line: 6, target: 'd.md' },
    ])
  })

  test('make the anchors that GitHub makes', () => {
    const markdown = '# One & two\n## `npm run x` (new)\n```\n# no\n```\n## [Link](a.md)\n# One & two\n'
    expect([...anchorsOf(markdown)]).toEqual(['one--two', 'npm-run-x-new', 'link', 'one--two-1'])
  })

  test.each(['no.md', '#no-such-heading', 'src/no.ts', '/src', '../outside.md', 'src#anchor'])(
    'find that %s leads nowhere',
    (target) => {
      expect(fault('README.md', target)).not.toBeNull()
    },
  )

  test.each(['LICENSE', 'https://example.com/no', 'mailto:a@example.com', 'src', 'src/ids.ts#L3'])(
    'accept %s',
    (target) => {
      expect(fault('README.md', target)).toBeNull()
    },
  )
})
