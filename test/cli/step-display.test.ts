import { expect, test } from 'vitest'
import { createStepDisplay } from '../../src/cli/step-display.ts'

/** Shows a thousand ongoing steps, 50 ms apart, between two steps. */
function show(isTTY: boolean): string {
  let text = ''
  let now = 0
  // The parts of a stream that the display uses.
  const output = {
    isTTY,
    columns: 30,
    write: (part: string) => (text += part),
  } as unknown as NodeJS.WriteStream
  const display = createStepDisplay(output, () => now)
  // The step before took longer than the pause between two lines.
  now += 7_000
  display('Started Postgres.')
  for (let rows = 1; rows <= 300; rows++) {
    now += 50
    display(`Loading the demo ledgers: ${rows} rows.`, 'ongoing')
  }
  display('Demo ledger: 300 rows.')
  return text
}

test('on a terminal an ongoing step is one line that is drawn over, and nothing is left of it', () => {
  const lines = show(true).split('\n')
  expect(lines).toHaveLength(3)
  expect(lines[0]).toBe('Started Postgres.')
  const drawn = lines[1]?.split('\r') ?? []
  expect(drawn.length).toBeGreaterThan(100)
  for (const part of drawn.slice(1, -1)) {
    expect(part).toMatch(/^Loading the demo ledgers: \d/)
    // Shorter than the terminal, then the rest of the line is cleared.
    expect(part.length).toBeLessThan(30 + 3)
    expect(part.endsWith('\x1b[K')).toBe(true)
  }
  expect(drawn.at(-1)).toBe('\x1b[KDemo ledger: 300 rows.')
})

test('in a log an ongoing step is a line every five seconds, and none for a short step', () => {
  expect(show(false)).toBe(
    [
      'Started Postgres.',
      'Loading the demo ledgers: 100 rows.',
      'Loading the demo ledgers: 200 rows.',
      'Loading the demo ledgers: 300 rows.',
      'Demo ledger: 300 rows.\n',
    ].join('\n'),
  )
})
