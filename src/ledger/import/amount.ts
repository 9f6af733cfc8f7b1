import { decimalsOf } from '../minor-units.ts'
import { BadCell, BadExport } from './import-errors.ts'

const plainAmount = /^(-?)(\d+)(?:([.,])(\d+))?$/
/** Thousands are grouped by one mark, which is not the decimal separator. */
const groupedAmount = /^(-?)(\d{1,3}(?:([,. '’])\d{3})(?:\3\d{3})*)(?:(?!\3)([.,])(\d+))?$/

/** The decimal separator of an amount whose thousands are grouped by the other one. */
const otherMarks: Readonly<Record<string, string>> = { ',': '.', '.': ',' }

const isFormatted =
  'is formatted by a spreadsheet or another program: export the file again, and do not save it in that program'

/** The parts of an amount's text. The units have no grouping, and the decimal separator can follow from the grouping. */
type Parts = {
  sign: string
  units: string
  grouping: string
  separator: string | undefined
  decimals: string
}

/** What the amounts of some columns show about their unit. */
type Evidence = {
  /** True when an amount has no decimals, though its currency does. */
  hasBare: boolean
  hasDecimals: boolean
  /** True when an amount has a zero as its last decimal, so that no program has removed zeros. */
  isPadded: boolean
}

/**
 * Creates a reader that converts amounts in major units into minor units as text, so nothing is rounded. The decimal
 * separator is a point or a comma, the same in the whole file. Thousands can be grouped where the text has one meaning.
 */
export function createAmountReader() {
  let separator: string | undefined
  const evidence = new Map<string, Evidence>()
  const evidenceOf = (columns: string): Evidence => {
    const known = evidence.get(columns) ?? { hasBare: false, hasDecimals: false, isPadded: false }
    evidence.set(columns, known)
    return known
  }
  return {
    /**
     * @param columns a name for the columns whose amounts are in one unit
     * @throws BadCell when the text is not an amount, or can be more than one
     */
    read: (text: string, currency: string, columns = ''): number => {
      const parts = partsOf(text)
      const places = decimalsOf(currency)
      checkDecimals(parts, places, currency, separator)
      separator ??= parts.separator
      if (parts.separator !== undefined && parts.separator !== separator)
        throw new BadCell(
          `has the decimal separator "${parts.separator}", but earlier amounts have "${separator}"`,
        )
      const amount = minorUnitsOf(parts, places)
      const known = evidenceOf(columns)
      // Trailing zeros show no unit: a table can have 10030.0.
      const hasDecimals = /^\d\d|[^0]/.test(parts.decimals)
      known.hasBare ||= places > 0 && amount !== 0 && !hasDecimals
      known.hasDecimals ||= hasDecimals
      known.isPadded ||= places > 0 && hasDecimals && parts.decimals[places - 1] === '0'
      return amount
    },
    /**
     * Checks that the amounts read so far are in major units. Stripe writes 100.30 in exports and 10030 in tables.
     *
     * @throws BadExport when no amount shows which of both the file has, or when the file has both
     */
    checkUnits: (): void => {
      for (const { hasBare, hasDecimals, isPadded } of evidence.values()) {
        if (!hasBare) continue
        if (!hasDecimals) throw new BadExport(`none of its amounts has decimals, so they ${canBeInCents}`)
        if (isPadded) throw new BadExport(`some of its amounts have no decimals, so these ${canBeInCents}`)
      }
    },
  }
}

const canBeInCents =
  'can be in cents: export the file again from Stripe, which writes 100.30, or pass --amounts major if 100 means 100.00'

/** @param known the decimal separator of the amounts before; undefined when they show none */
function checkDecimals(
  { grouping, separator, decimals }: Parts,
  places: number,
  currency: string,
  known: string | undefined,
): void {
  // Stripe writes a point, so that it is the decimal separator of 1.500 in a currency with three decimals.
  const isClear = places === 3 && (separator === '.' || separator === known)
  if (grouping === '' && decimals.length === 3 && !isClear) {
    throw new BadCell(
      `has a ${separator === ',' ? 'comma' : 'point'} before three digits, which can be grouped thousands: write 1234.50`,
    )
  }
  // Some exports write more decimals than the currency has. The additional ones are zeros.
  if (/[^0]/.test(decimals.slice(places))) {
    throw new BadCell(`has more decimals than ${currency} allows: ${places}`)
  }
}

function minorUnitsOf({ sign, units, decimals }: Parts, places: number): number {
  const amount = Number(`${sign}${units}${decimals.slice(0, places).padEnd(places, '0')}`)
  if (!Number.isSafeInteger(amount)) throw new BadCell('is too large')
  // Avoids -0.
  return amount === 0 ? 0 : amount
}

function partsOf(text: string): Parts {
  // Other spaces, digits and minus signs than those of ASCII.
  const plain = /^[ -~]*$/.test(text) ? text : text.normalize('NFKC').replaceAll('−', '-')
  const [isPlain, sign = '', units = '', separator, decimals = ''] = plainAmount.exec(plain) ?? []
  if (isPlain !== undefined) return { sign, units, grouping: '', separator, decimals }
  const [isGrouped, minus = '', groups = '', grouping = '', mark, fraction = ''] =
    groupedAmount.exec(plain) ?? []
  if (isGrouped === undefined) throw new BadCell(faultOf(plain))
  return {
    sign: minus,
    units: groups.replaceAll(grouping, ''),
    grouping,
    separator: mark ?? otherMarks[grouping],
    decimals: fraction,
  }
}

function faultOf(text: string): string {
  if (/^-?\d+([.,]\d+)?e[+-]?\d+$/i.test(text)) return `is in scientific notation, so it ${isFormatted}`
  if (/^\(.*\)$|\p{Sc}|^-?[\d.,' ]+ ?[a-z]{3}$|^[a-z]{3} ?-?[\d.,' ]+$/iu.test(text) && /\d/.test(text))
    return isFormatted
  return 'is not a valid amount, such as 1234.50'
}
