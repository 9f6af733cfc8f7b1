import type { Row } from '../framework/row.ts'
import { copy } from './copy.ts'
import { create } from './create.ts'
import { deep } from './deep.ts'
import { defences } from './defences.ts'
import { download } from './download.ts'
import { fairness } from './fairness.ts'
import { fanOut } from './fan-out.ts'
import { growth } from './growth.ts'
import { history } from './history.ts'
import { importRow } from './import.ts'
import { interference } from './interference.ts'
import { latency } from './latency.ts'
import { list } from './list.ts'
import { start } from './start.ts'

/** All rows, in the order in which `npm run bench` measures them. */
export const rows: readonly Row[] = [
  list,
  deep,
  create,
  fanOut,
  latency,
  copy,
  importRow,
  download,
  interference,
  fairness,
  defences,
  growth,
  history,
  start,
]
