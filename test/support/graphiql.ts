import type { Download, Page } from 'playwright-core'
import { expect } from 'vitest'

export type Pane = 'variables' | 'headers'

const models = {
  query: 'operation.graphql',
  variables: 'variables.json',
  headers: 'request-headers.json',
  response: 'response.json',
}

/** What an editor of GraphiQL holds. */
export function read(page: Page, editor: keyof typeof models): Promise<string> {
  // A string, because this runs in the page.
  return page.evaluate(
    `monaco.editor.getModels().find(({ uri }) => uri.path.endsWith('${models[editor]}'))?.getValue() ?? ''`,
  )
}

/** The lines that are wider than their editor. Lines without a width are not drawn yet. */
export function cutLines(page: Page): Promise<string[]> {
  return page.evaluate(`
    [...document.querySelectorAll('.monaco-editor')].flatMap((editor) => {
      const { right } = editor.querySelector('.monaco-scrollable-element').getBoundingClientRect()
      const lines = [...editor.querySelectorAll('.view-line > span')]
      if (lines.length === 0) return ['an editor without lines']
      return lines.filter((line) => line.getBoundingClientRect().right > right).map((line) => line.textContent)
    })`)
}

/** All that GraphiQL has stored in the browser. */
export function kept(page: Page): Promise<string> {
  return page.evaluate('JSON.stringify(localStorage)')
}

/** The names of the tabs, in order. */
export function tabNames(page: Page): Promise<string[]> {
  return page.locator('.graphiql-tab-button').allTextContents()
}

/** Opens a tab, as a person does who moves the pointer there. */
export async function openTab(page: Page, name: string): Promise<void> {
  await page.locator('.graphiql-tab-button', { hasText: name }).click()
  // GraphiQL takes up the tab's operation a moment later, and then writes it into the address.
  const operation = new RegExp(`^(query|mutation|subscription) ${name}\\b`, 'm')
  await page.waitForURL((url) => operation.test(url.searchParams.get('query') ?? ''))
}

/**
 * Presses the first link of the answer, and gives the download that it begins. Again when nothing comes of it: the editor
 * draws a link a moment before it follows it.
 */
export async function followLink(page: Page): Promise<Download> {
  let download: Download | null = null
  // Of the context, since it may belong to the page or to the one that the link opens.
  page.context().once('download', (begun) => {
    download = begun
  })
  const link = page.locator('.graphiql-response .detected-link').first()
  const press = async (): Promise<Download | null> => {
    // By the mouse alone: the editor draws its lines anew meanwhile, and a locator would wait for the one that is gone.
    const place = await link.boundingBox({ timeout: 5_000 }).catch(() => null)
    if (download || !place) return download
    await page.keyboard.down('ControlOrMeta')
    // The editor takes a link for one when the pointer comes to it.
    await page.mouse.move(0, 0)
    await page.mouse.click(place.x + 10, place.y + place.height / 2)
    await page.keyboard.up('ControlOrMeta')
    return download
  }
  await expect.poll(press, { timeout: 60_000, interval: 2_000 }).not.toBeNull()
  if (!download) throw new Error('No download has begun.')
  return download
}

/** Writes into a pane below the query, in place of what it holds. */
export async function write(page: Page, pane: Pane, text: string): Promise<void> {
  await page.locator(`button[data-name=${pane}]`).click()
  await page.locator('.graphiql-editor-tool .monaco-editor:visible').click()
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(text)
  await expect.poll(() => read(page, pane)).toBe(text)
}

/** Presses the button that runs the operation, and waits for an answer of this form. */
export async function run(page: Page, expected: object): Promise<void> {
  await page.locator('.graphiql-execute-button').click()
  const answer = async (): Promise<unknown> => JSON.parse((await read(page, 'response')) || 'null')
  await expect.poll(answer, { timeout: 30_000, interval: 50 }).toMatchObject(expected)
}

/** Waits until the editors are there and the schema has been read. */
export async function settle(page: Page): Promise<void> {
  await page.locator('.graphiql-query-editor .view-line').first().waitFor()
  await page.locator('.graphiql-spinner').waitFor({ state: 'detached' })
}
