import type { Row } from '../framework/row.ts'
import { create } from './create.ts'
import { list } from './list.ts'

/** All rows, in the order in which `npm run bench` measures them. */
export const rows: readonly Row[] = [list, create]
