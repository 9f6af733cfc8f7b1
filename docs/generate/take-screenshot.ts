import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Browser, Page } from 'playwright-core'

const view = { width: 1200, height: 700 }

/**
 * Takes the picture of the README: GraphiQL with a run that was created in one tab and is watched in the next.
 *
 * @param url address of a gateway with the demo account, without a path
 * @param file the PNG file to write; its folder is made when missing
 */
export async function takeScreenshot(browser: Browser, url: string, file: string): Promise<void> {
  const context = await browser.newContext({ viewport: view, colorScheme: 'light' })
  try {
    const page = await context.newPage()
    await page.goto(`${url}/graphql`)
    await page.locator('.graphiql-query-editor .view-line').first().waitFor()
    await page.locator('.graphiql-spinner').waitFor({ state: 'detached' })
    await runOperation(page, '"reportRun": {')
    await page.locator('.graphiql-tab-button', { hasText: 'Watch' }).click()
    await page.waitForURL((address) => /subscription Watch/.test(address.searchParams.get('query') ?? ''))
    await runOperation(page, 'SUCCEEDED')
    await mkdir(dirname(file), { recursive: true })
    await page.screenshot({ path: file })
  } finally {
    await context.close()
  }
}

async function runOperation(page: Page, expected: string): Promise<void> {
  await page.locator('.graphiql-execute-button').click()
  const answer = page.locator('.graphiql-response .view-lines')
  // The editor shows each space as a no-break space.
  const pattern = new RegExp(expected.replace(/ /g, '[\\s\\u00a0]'))
  await answer.filter({ hasText: pattern }).waitFor({ timeout: 60_000 })
}
