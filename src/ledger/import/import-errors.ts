/** An invalid cell or line. The message continues after the value: `"12,3x" is not a valid amount`. */
export class BadCell extends Error {
  override readonly name = 'BadCell'
  /** Null for the whole line, or until the column is known. */
  readonly column: string | null
  /** The text of the cell; null for the whole line, or until it is known. */
  readonly value: string | null

  constructor(message: string, column: string | null = null, value: string | null = null) {
    super(message)
    this.column = column
    this.value = value
  }
}

/** A file that cannot be imported. The message continues after its name: `it is empty`. */
export class BadExport extends Error {
  override readonly name = 'BadExport'
}
