import { type AnyReportType, defineReportType } from '../../src/reports/report-type.ts'
import { slowReport } from './slow-report.ts'

/** A report that ends the process of its worker at once, each time it runs. */
export const poisonReport: AnyReportType = defineReportType({
  name: 'test.poison.1',
  title: 'Poison',
  description: 'Ends its worker.',
  parameters: {},
  columns: slowReport.columns,
  requiresLiveMode: false,
  availability: async () => null,
  // Only workers ask for the source of a report.
  source: () => {
    process.kill(process.pid, 'SIGKILL')
    throw new Error('The process should have ended.')
  },
})
