import { ConfigurationError } from '../../errors.ts'
import { createLogger } from '../../logger.ts'
import { noMetrics } from '../../metrics.ts'
import { startClock } from '../../postgres/clock.ts'
import { startWakeUp } from '../../postgres/notify.ts'
import type { Command } from '../command.ts'
import { formatJson, formatRecord, formatTable, type Row } from '../table.ts'
import { listAccounts, listKeys } from './admin/accounts.ts'
import type { AdminAction } from './admin/action.ts'
import { help, readArguments } from './admin/options.ts'
import { cancelRuns, listRuns, showRun } from './admin/runs.ts'
import { listSchedules } from './admin/schedules.ts'
import { withDatabase } from './with-database.ts'

const actions = new Map<string, AdminAction>([
  ['accounts', listAccounts],
  ['keys', listKeys],
  ['runs list', listRuns],
  ['runs show', showRun],
  ['runs cancel', cancelRuns],
  ['schedules', listSchedules],
])

/** Shows and cancels what belongs to any account. */
export const adminCommand: Command = async (context) => {
  const { values, positionals } = readArguments(context.args)
  if (values.help) return context.print(help)
  const words = positionals[0] === 'runs' ? 2 : 1
  const act = actions.get(positionals.slice(0, words).join(' '))
  const ids = positionals.slice(words)
  if (!act)
    throw new ConfigurationError(`There is no action ${JSON.stringify(positionals.join(' '))}.\n\n${help}`)
  if (words === 1 && ids.length > 0)
    throw new ConfigurationError(`Unexpected argument ${ids.join(' ')}.\n\n${help}`)
  const say = (sentence: string): void => void context.stderr.write(`${sentence}\n`)
  await withDatabase(context, 'admin', async ({ prisma, pool, url }) => {
    await using closers = new AsyncDisposableStack()
    const logger = createLogger('warn', { write: say })
    const { now, stop } = await startClock(pool, logger)
    closers.defer(stop)
    const openWakeUp = async () => {
      const wakeUp = await startWakeUp(url, pool, logger, { metrics: noMetrics })
      closers.defer(wakeUp.stop)
      return { prisma, wakeUp, now, metrics: noMetrics }
    }
    let changes: ReturnType<typeof openWakeUp> | null = null
    const openChanges = () => {
      changes ??= openWakeUp()
      return changes
    }
    const found = await act({ prisma, openChanges, now, say }, values, ids)
    if (found !== null) for (const line of format(found, values.json)) context.print(line)
    if (Array.isArray(found) && found.length === Number(values.limit) && !values['all-matching'])
      say(`There may be more: add --after ${found.at(-1)?.id}`)
  })
}

function format(found: readonly Row[] | Row, isJson: boolean): string[] {
  if (isJson) return [formatJson(found)]
  if (!isList(found)) return formatRecord(found)
  return found.length === 0 ? ['Nothing matches.'] : formatTable(found)
}

function isList(found: readonly Row[] | Row): found is readonly Row[] {
  return Array.isArray(found)
}
