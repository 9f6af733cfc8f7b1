import { DatabaseError, type Pool, type PoolClient } from 'pg'
import type { Logger } from 'pino'
import { randomWord } from '../../ids.ts'
import { inTransaction, withClient } from '../../postgres/client.ts'
import type { WakeUp } from '../../postgres/notify.ts'
import { type BackgroundJob, runEvery } from '../../run-every.ts'

/** Where a Postgres database is. A part that is not known is null. */
type Place = { systemIdentifier: string | null; timeline: string | null; databaseOid: string | null }

type Recorded = Place & { epoch: string; isOriginal: boolean }

export type HistoryOptions = {
  /** For the checks. */
  probes: Pool
  /** For a new epoch, which changes a row of each log. */
  pool: Pool
  wakeUp: Pick<WakeUp, 'onWake'>
  logger: Logger
  /** Called when the logs have a new epoch. */
  onChange: () => void
}

const epochLength = 8
const checkMilliseconds = 3_000

/**
 * Watches whether the database still continues the history that its event logs were written in. A restored dump, a copy, a
 * recovered backup and a promoted standby do not: events that clients have received may not exist there. The logs then get a
 * new epoch, and all older cursors a reset. Every process watches; the first one that notices changes the epoch.
 *
 * The check at the start precedes all reads. A database that was rolled back by a copy of its files is the same place; there,
 * the events themselves show it.
 */
export async function watchHistory({
  probes,
  pool,
  wakeUp,
  logger,
  onChange,
}: HistoryOptions): Promise<BackgroundJob> {
  const placeSql = await selectPlace(probes)
  const readEpoch = () => currentEpoch(probes, pool, placeSql)
  let epoch = await readEpoch()
  const check = async (): Promise<void> => {
    const now = await readEpoch()
    if (now === epoch) return
    epoch = now
    logger.warn('The database continues another history. Clients receive a reset of the event log.')
    onChange()
  }
  const watch = runEvery({
    task: check,
    milliseconds: checkMilliseconds,
    logger,
    failureMessage: 'The history of the database could not be checked; trying again.',
  })
  wakeUp.onWake((tenant) => {
    // The connection was opened again, possibly to another server. The next check reports an error.
    if (tenant === null) check().catch(() => {})
  })
  return watch
}

/** The epoch of the event logs of this database, which changes here when it must. */
async function currentEpoch(probes: Pool, pool: Pool, placeSql: string): Promise<string> {
  const { rows } = await probes.query<Place & { recorded: Recorded | null }>(
    `select place.*, (select row_to_json(record) from (${recordSql}) as record) as recorded from (${placeSql}) as place`,
  )
  const [{ recorded, ...place } = { recorded: null, ...nowhere }] = rows
  if (recorded && isSame(recorded, place) && isComplete(recorded, place)) return recorded.epoch
  return withClient(pool, (client) => inTransaction(client, () => record(client, place)))
}

/** Records the place, with a new epoch when it differs from the recorded one, and returns the epoch. */
async function record(client: PoolClient, place: Place): Promise<string> {
  await client.query(
    `insert into event_log_histories (id, epoch, writer) values ('log', '', '') on conflict do nothing`,
  )
  const { rows } = await client.query<Recorded>(`${recordSql} for update`)
  const [recorded] = rows
  const isContinued = recorded !== undefined && isSame(recorded, place)
  // Another process can have been faster.
  if (isContinued && isComplete(recorded, place)) return recorded.epoch
  const epoch = isContinued ? recorded.epoch : randomWord(epochLength)
  const known = isContinued ? recorded : null
  await client.query(
    `update event_log_histories set epoch = $1, writer = pg_current_xact_id()::xid::text,
      system_identifier = $2, timeline = $3, database_oid = $4`,
    [
      epoch,
      place.systemIdentifier ?? known?.systemIdentifier,
      place.timeline ?? known?.timeline,
      place.databaseOid ?? known?.databaseOid,
    ],
  )
  await client.query('update event_log_heads set epoch = $1 where epoch <> $1', [epoch])
  return epoch
}

/** `isOriginal` is false when a dump was restored: another transaction wrote the row then. */
const recordSql = `select epoch, writer = xmin::text as "isOriginal", system_identifier as "systemIdentifier", timeline,
  database_oid as "databaseOid" from event_log_histories`

/** A part that is unknown on either side says nothing: logins can differ in what they may read. */
function isSame(recorded: Recorded, place: Place): boolean {
  return recorded.isOriginal && partsOf(place).every((part) => [null, place[part]].includes(recorded[part]))
}

function isComplete(recorded: Recorded, place: Place): boolean {
  return partsOf(place).every((part) => recorded[part] !== null)
}

/** The parts that are known. */
function partsOf(place: Place): (keyof Place)[] {
  const parts = ['systemIdentifier', 'timeline', 'databaseOid'] as const
  return parts.filter((part) => place[part] !== null)
}

const nowhere: Place = { systemIdentifier: null, timeline: null, databaseOid: null }

const placeParts: Record<keyof Place, string> = {
  systemIdentifier: 'select system_identifier::text from pg_control_system()',
  // The timeline in pg_control_checkpoint() is that of the last checkpoint, which can precede a promotion.
  timeline:
    'select case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end',
  databaseOid: 'select oid::text from pg_database where datname = current_database()',
}

/** Returns SQL that selects the place, without the parts that the server refuses to this login. */
async function selectPlace(pool: Pool): Promise<string> {
  const columns: string[] = []
  for (const [part, text] of Object.entries(placeParts)) {
    const isAllowed = await pool.query(text).then(() => true, rejectUnlessRefused)
    columns.push(`(${isAllowed ? text : 'null::text'}) as "${part}"`)
  }
  return `select ${columns.join(', ')}`
}

/** Some hosted servers refuse some of these functions, for want of a right (class 42) or of support (0A, 55). */
function rejectUnlessRefused(error: unknown): false {
  if (error instanceof DatabaseError && /^(42|0A|55)/.test(error.code ?? '')) return false
  throw error
}
