import { Transform } from 'node:stream'

const quote = 0x22
const newline = 0x0a

export type RowCounter = {
  stream: Transform
  /** Rows that have come through whole, without the header line. */
  rows(): number
}

/** Passes CSV through and counts its rows: a line break inside quotes ends none. The first line is the header. */
export const createRowCounter = (header: string): RowCounter => {
  let lines = 0
  let isQuoted = false
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) {
        if (byte === quote) isQuoted = !isQuoted
        else if (byte === newline && !isQuoted) lines++
      }
      done(null, chunk)
    },
  })
  stream.write(header)
  return { stream, rows: () => Math.max(0, lines - 1) }
}
