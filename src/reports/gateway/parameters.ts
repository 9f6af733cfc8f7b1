import { columns, currency, decimalSeparator, interval, timezone } from '../parameters.ts'

/** The parameters of each report in this folder. */
export const gatewayParameters = { ...interval, ...timezone, ...currency, ...decimalSeparator, ...columns }
