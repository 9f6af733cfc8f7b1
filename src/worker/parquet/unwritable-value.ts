const longest = 60

/** A column holds a value that a Parquet file has no place for. The message is safe to show. */
export class UnwritableValueError extends Error {
  override readonly name = 'UnwritableValueError'
}

/** @param type what Parquet calls the type of the column */
export function unwritable(column: string, value: string, type: string): UnwritableValueError {
  const shown = value.length > longest ? `${value.slice(0, longest)}…` : value
  return new UnwritableValueError(
    `The column ${JSON.stringify(column)} holds ${shown}, and Parquet's ${type} has no place for it. Ask for CSV or JSONL, or leave the column out.`,
  )
}
