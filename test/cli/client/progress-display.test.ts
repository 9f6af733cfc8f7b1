import { expect, test } from 'vitest'
import { createProgressDisplay } from '../../../src/cli/client/progress-display.ts'

test('the progress bar is redrawn in place, and never wider than the terminal', () => {
  const written: string[] = []
  // A cast: only the parts of a terminal that the bar uses.
  const terminal = {
    isTTY: true,
    columns: 40,
    write: (text: string) => written.push(text),
  } as unknown as NodeJS.WriteStream
  const display = createProgressDisplay(terminal)
  display.showBytes(500_000_000, 1_000_000_000)
  display.showBytes(500_000_001, 1_000_000_000)
  display.end()
  // The second update follows too soon after the first and is not drawn.
  expect(written).toEqual(['\r[#######-------]  50.0 %  Downloading  \x1b[K', '\r\x1b[K'])
})
