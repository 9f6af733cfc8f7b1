import type { SchemaElement } from 'hyparquet'

/** A value of a column as text: instants in UTC, days as such, decimals with all their digits; null for none. */
export function valueText(value: unknown, column: SchemaElement): string | null {
  if (value === null || value === undefined) return null
  const { scale = 0, converted_type, logical_type } = column
  if (converted_type === 'DECIMAL' || logical_type?.type === 'DECIMAL') {
    return decimalText(value instanceof Uint8Array ? wholeNumber(value) : BigInt(String(value)), scale)
  }
  if (value instanceof Date) {
    const isDay = converted_type === 'DATE' || logical_type?.type === 'DATE'
    return isDay ? value.toISOString().slice(0, 10) : value.toISOString()
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** The whole number that bytes stand for, in two's complement and with the highest byte first. */
function wholeNumber(bytes: Uint8Array): bigint {
  return bytes.length === 0
    ? 0n
    : BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`))
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const sign = unscaled < 0n ? '-' : ''
  const point = digits.length - scale
  return `${sign}${digits.slice(0, point)}${scale > 0 ? `.${digits.slice(point)}` : ''}`
}
