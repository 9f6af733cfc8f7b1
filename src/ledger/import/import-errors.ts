/** A cell that cannot be read, or the line as a whole. The message goes on after the value: `"12,3x" is no amount`. */
export class BadCell extends Error {
  override readonly name = 'BadCell'
  /** Its column, once that is known; null for the line as a whole. */
  readonly column: string | null
  /** What stands in it. */
  readonly value: string | null

  constructor(message: string, column: string | null = null, value: string | null = null) {
    super(message)
    this.column = column
    this.value = value
  }
}

/** A file that cannot be imported as it is. The message goes on after its name: `it is empty`. */
export class BadExport extends Error {
  override readonly name = 'BadExport'
}
