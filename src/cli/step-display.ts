import type { OnProgress } from '../demo/demo.ts'

/** On a terminal the line is redrawn this often. */
const redrawMilliseconds = 100
/** In a log each line stays, so there are few. */
const lineMilliseconds = 5_000

type Output = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>

/**
 * Shows the steps of a start, a line each. An ongoing step is one line that is drawn over on a terminal; elsewhere it is a
 * line every few seconds.
 *
 * @param now the current time in milliseconds
 */
export function createStepDisplay(output: Output, now: () => number = () => performance.now()): OnProgress {
  const pause = output.isTTY ? redrawMilliseconds : lineMilliseconds
  let shownAt = output.isTTY ? Number.NEGATIVE_INFINITY : now()
  let isDrawn = false
  return (message, kind) => {
    if (kind !== 'ongoing') {
      output.write(`${isDrawn ? '\r\x1b[K' : ''}${message}\n`)
      isDrawn = false
      if (!output.isTTY) shownAt = now()
      return
    }
    if (now() - shownAt < pause) return
    shownAt = now()
    if (!output.isTTY) return void output.write(`${message}\n`)
    // A wrapped line could not be drawn over.
    output.write(`\r${message.slice(0, Math.max(1, (output.columns || 80) - 1))}\x1b[K`)
    isDrawn = true
  }
}
