/** A value of a cell or of a JSON field. */
export type Cell = string | number | boolean | bigint | Date | object | null

export type Row = Readonly<Record<string, Cell>>

/**
 * Formats rows as lines with aligned columns, with the names of the fields as the first line. Clients choose some of the
 * texts, so characters that could control a terminal become spaces.
 */
export function formatTable(rows: readonly Row[]): string[] {
  const names = Object.keys(rows[0] ?? {})
  const lines = [names, ...rows.map((row) => names.map((name) => formatCell(row[name] ?? null)))]
  const widths = names.map((_name, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  return lines.map((line) =>
    line
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Formats one row as lines `name  value`, without the fields that are null. */
export function formatRecord(row: Row): string[] {
  const fields = Object.entries(row).filter(([, value]) => value !== null)
  const width = Math.max(...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${formatCell(value)}`.trimEnd())
}

/** Formats rows as JSON, with times in ISO 8601 and large numbers as strings. */
export function formatJson(value: Row | readonly Row[]): string {
  return JSON.stringify(value, (_name, field) => (typeof field === 'bigint' ? String(field) : field), 2)
}

function formatCell(value: Cell): string {
  if (value === null || value === '') return '-'
  const text = value instanceof Object && !(value instanceof Date) ? JSON.stringify(value) : textOf(value)
  // Control and format characters, unpaired surrogates, and line separators.
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
}

function textOf(value: Exclude<Cell, null>): string {
  return value instanceof Date ? value.toISOString() : String(value)
}
