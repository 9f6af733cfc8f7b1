import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { takeScreenshot } from '../../../docs/generate/take-screenshot.ts'
import { isBrowserMissing, launchBrowser } from '../../support/browser.ts'
import { spawnGateway } from '../../support/gateway-process.ts'

const maxBytes = 150_000
const pngSignature = Buffer.from('89504e470d0a1a0a', 'hex')

test.skipIf(isBrowserMissing)('the picture of the README can be taken again, and is small', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-screenshot-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  await using gateway = spawnGateway({ DATA_DIR: join(folder, 'data') })
  await using browser = await launchBrowser()
  const file = join(folder, 'graphiql.png')
  await takeScreenshot(browser, await gateway.ready(), file)
  const committed = new URL('../../../docs/images/graphiql.png', import.meta.url)
  for (const image of [await readFile(file), await readFile(committed)]) {
    expect(image.subarray(0, pngSignature.length)).toEqual(pngSignature)
    expect(image.byteLength).toBeLessThan(maxBytes)
  }
})
