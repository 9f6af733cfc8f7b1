import { Temporal } from 'temporal-polyfill'
import { ConfigurationError } from '../../../errors.ts'
import { firstIdAt, type IdPrefix, idPrefixes } from '../../../ids.ts'
import type { Prisma as PrismaTypes, ReportRunStatus } from '../../../postgres/generated/prisma/client.ts'
import { type FailureCode, failureCodes } from '../../../runs/lifecycle/transition.ts'
import { helpOption, parseArguments } from '../../parse-arguments.ts'

export const help = `npm run admin -- accounts [--account ID]
npm run admin -- keys [--account ID]
npm run admin -- runs list [FILTER…]
npm run admin -- runs show RUN_ID
npm run admin -- runs cancel RUN_ID… [--reason TEXT]
npm run admin -- runs cancel --all-matching FILTER… [--yes] [--reason TEXT]
npm run admin -- schedules [--account ID] [--failing]

Shows and cancels what belongs to any account. For operators: it reads the database of DATABASE_URL or DATA_DIR.

  --json                  print JSON instead of a table
  --limit NUMBER          maximum number of lines, up to 1000; default: 50
  --after ID              continue a list after its last line

Filters of runs:

  --status A,B            PENDING, RUNNING, CANCELING, SUCCEEDED, FAILED, CANCELED
  --account ID            account of the run
  --mode MODE             live or test
  --type A,B              names of report types
  --error A,B             failure codes, such as INTERNAL_ERROR
  --older-than DURATION   created longer ago, such as PT1H or P2D
  --newer-than DURATION   created less long ago

  --all-matching          cancel all runs that match the filters; without --yes, only count them`

const options = {
  ...helpOption,
  json: { type: 'boolean', default: false },
  limit: { type: 'string' },
  after: { type: 'string' },
  account: { type: 'string' },
  status: { type: 'string' },
  mode: { type: 'string' },
  type: { type: 'string' },
  error: { type: 'string' },
  'older-than': { type: 'string' },
  'newer-than': { type: 'string' },
  failing: { type: 'boolean', default: false },
  reason: { type: 'string' },
  'all-matching': { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
} as const

export type AdminOptions = ReturnType<typeof readArguments>['values']

const maxLimit = 1_000
const listOptions = ['limit', 'after'] as const
const runFilters = ['status', 'account', 'mode', 'type', 'error', 'older-than', 'newer-than'] as const

/** The options that each action reads; `--json` applies to all. */
const optionsOf = {
  accounts: ['account', ...listOptions],
  keys: ['account', ...listOptions],
  'runs list': [...runFilters, ...listOptions],
  'runs show': [],
  'runs cancel': [...runFilters, 'all-matching', 'yes', 'reason'],
  schedules: ['account', 'failing', ...listOptions],
} as const satisfies Record<string, readonly (keyof typeof options)[]>

export type AdminActionName = keyof typeof optionsOf
const statuses = [
  'PENDING',
  'RUNNING',
  'CANCELING',
  'SUCCEEDED',
  'FAILED',
  'CANCELED',
] as const satisfies ReportRunStatus[]

/** @throws ClientError for an option that does not exist */
export function readArguments(args: string[]) {
  return parseArguments({ args, options, allowPositionals: true }, help)
}

/** @throws ConfigurationError for an option that the action does not read */
export function checkOptions(values: AdminOptions, action: AdminActionName): void {
  const read: readonly string[] = ['help', 'json', ...optionsOf[action]]
  for (const [name, value] of Object.entries(values)) {
    if (read.includes(name) || value === false || value === undefined) continue
    throw new ConfigurationError(`The option --${name} does not apply to "${action}".`)
  }
}

/**
 * The part of a list to read. The list is in the order of its ids.
 *
 * @param prefix prefix of the ids
 * @param isNewestFirst whether the list descends
 * @throws ConfigurationError when the limit or the id is not valid
 */
export function readPart({ limit = '50', after }: AdminOptions, prefix: IdPrefix, isNewestFirst: boolean) {
  const take = Number(limit)
  if (!(/^\d{1,4}$/.test(limit) && take >= 1 && take <= maxLimit))
    throw new ConfigurationError(`--limit ${limit} is not a whole number from 1 to ${maxLimit}.`)
  if (after !== undefined && !after.startsWith(`${prefix}_`))
    throw new ConfigurationError(
      `--after ${after} is not an id of this list. Give the first column of a line, ${prefix}_….`,
    )
  return {
    take,
    after: after === undefined ? {} : { id: isNewestFirst ? { lt: after } : { gt: after } },
    orderBy: { id: isNewestFirst ? 'desc' : 'asc' },
  } as const
}

/**
 * The condition for the runs of any account that the filters select.
 *
 * @throws ConfigurationError when a filter is not valid
 */
export function readRunFilter(values: AdminOptions, now: Date): PrismaTypes.ReportRunWhereInput {
  const [start, end] = (['newer-than', 'older-than'] as const).map((option) => {
    const at = timeAgo(option, values[option], now)
    return at && firstIdAt(idPrefixes.reportRun, at)
  })
  const chosen = listOf('status', values.status, statuses)
  const codes = listOf<FailureCode>('error', values.error, failureCodes)
  return {
    deletedAt: null,
    ...(chosen && { status: { in: chosen } }),
    ...(values.type !== undefined && { reportType: { in: values.type.split(',') } }),
    // An id begins with its creation time.
    ...((start ?? end) && { id: { ...(start && { gte: start }), ...(end && { lt: end }) } }),
    ...(values.account !== undefined && { accountId: values.account }),
    ...(values.mode !== undefined && {
      livemode: listOf('mode', values.mode, ['live', 'test'])?.[0] === 'live',
    }),
    ...(codes && { failureCode: { in: codes } }),
  }
}

/** True when an option selects some of the runs. */
export function hasRunFilter(values: AdminOptions): boolean {
  return runFilters.some((name) => values[name] !== undefined)
}

function listOf<const Word extends string>(
  option: string,
  text: string | undefined,
  words: readonly Word[],
): Word[] | undefined {
  return text?.split(',').map((given) => {
    const word = words.find((one) => one.toLowerCase() === given.trim().toLowerCase())
    if (word === undefined)
      throw new ConfigurationError(
        `--${option} ${given} is not valid. Give one or more of ${words.join(', ')}, separated by commas.`,
      )
    return word
  })
}

function timeAgo(option: string, duration: string | undefined, now: Date): Date | undefined {
  if (duration === undefined) return undefined
  try {
    const length = Temporal.Duration.from(duration)
    const at = Temporal.Instant.fromEpochMilliseconds(now.getTime())
      .toZonedDateTimeISO('UTC')
      .subtract(length)
    if (length.sign > 0 && at.epochMilliseconds > 0) return new Date(at.epochMilliseconds)
  } catch {
    // Reported below, together with durations that are not positive or too long.
  }
  throw new ConfigurationError(
    `--${option} ${duration} is not a positive ISO 8601 duration of at most 50 years. Give one such as PT1H or P2D.`,
  )
}
