import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCsvRowCounter } from '../../src/worker/format-stream.ts'

const value = fc.option(fc.string({ unit: fc.constantFrom('a', '"', '\n', ',', '\r', 'ü', '🧾') }))
function quoted(text: string | null): string {
  return text === null ? '' : `"${text.replaceAll('"', '""')}"`
}
const line = fc
  .array(value, { minLength: 2, maxLength: 4 })
  .map((values) => `${values.map(quoted).join(',')}\n`)

test('rows are counted whatever they contain and wherever the packets are split', async () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 })
  await fc.assert(
    fc.asyncProperty(line, fc.array(line, { maxLength: 20 }), cuts, async (header, lines, sizes) => {
      const { stream, rows } = createCsvRowCounter(header)
      const passed = buffer(stream)
      const bytes = Buffer.from(lines.join(''))
      let at = 0
      for (let i = 0; at < bytes.length; i++) {
        const end = at + (sizes[i % sizes.length] ?? 1)
        stream.write(bytes.subarray(at, end))
        at = end
      }
      stream.end()
      expect((await passed).toString()).toBe(header + lines.join(''))
      expect(rows()).toBe(lines.length)
    }),
  )
})
