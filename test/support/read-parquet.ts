import { DataType, tableFromIPC } from 'apache-arrow'
import { readParquet as readTable } from 'parquet-wasm/node'

export type ReadParquet = {
  /** The type of each column by name, according to an implementation other than the writer's. */
  types: Record<string, string>
  /** Text, integers, booleans and null unchanged; decimals as text, dates and instants as ISO 8601. */
  rows: Record<string, unknown>[]
}

function decimalText(unscaled: string, scale: number): string {
  const [, sign = '', digits = ''] = /^(-?)(\d+)$/.exec(unscaled) ?? []
  const padded = digits.padStart(scale + 1, '0')
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

function readValue(type: DataType, value: unknown): unknown {
  if (value === null) return null
  if (DataType.isDecimal(type)) return decimalText(String(value), type.scale)
  if (DataType.isDate(type)) return new Date(Number(value)).toISOString().slice(0, 10)
  if (DataType.isTimestamp(type)) return new Date(Number(value)).toISOString()
  return value
}

/** Reads a Parquet file with the implementation in Rust. */
export function readParquet(bytes: Uint8Array): ReadParquet {
  const table = tableFromIPC(readTable(bytes).intoIPCStream())
  const { fields } = table.schema
  return {
    types: Object.fromEntries(fields.map(({ name, type }) => [name, String(type)])),
    rows: table
      .toArray()
      .map((row) => Object.fromEntries(fields.map(({ name, type }) => [name, readValue(type, row[name])]))),
  }
}
