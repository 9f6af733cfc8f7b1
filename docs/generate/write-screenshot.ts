import { join } from 'node:path'
import { launchBrowser } from '../../test/support/browser.ts'
import { takeScreenshot } from './take-screenshot.ts'

const url = process.argv[2] ?? 'http://127.0.0.1:4000'
const file = join(import.meta.dirname, '..', 'images', 'graphiql.png')
const browser = await launchBrowser()
try {
  await takeScreenshot(browser, url, file)
  process.stdout.write('Wrote docs/images/graphiql.png.\n')
} finally {
  await browser.close()
}
