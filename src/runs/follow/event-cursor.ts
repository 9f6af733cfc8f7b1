import { modeOf, type Tenant } from '../../tenant.ts'

/** A place in an account's event log: what comes after it is still to be told. */
export type LogPlace = {
  /** Position of the last event that lies before this place; 0 for the beginning. */
  position: bigint
  /**
   * Set while a client is being told of the runs that were live at this position: those with an id greater than this
   * are still to come, then the events. Null once that is over.
   */
  snapshotsAfter: string | null
}

const pattern = /^(test|live):([a-z0-9_]+):(\d{1,18})(?::([a-z0-9_]*))?$/

/** The place as clients hold it. It names its log, so that a cursor is never taken for one of another account or mode. */
export function encodeEventCursor(tenant: Tenant, { position, snapshotsAfter }: LogPlace): string {
  const snapshots = snapshotsAfter === null ? '' : `:${snapshotsAfter}`
  return Buffer.from(`${modeOf(tenant)}:${tenant.accountId}:${position}${snapshots}`).toString('base64url')
}

/** The place that a cursor stands for; null when it is no cursor of this log. */
export function decodeEventCursor(tenant: Tenant, cursor: string): LogPlace | null {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const [, mode, accountId, position, snapshotsAfter] = pattern.exec(text) ?? []
  if (position === undefined || mode !== modeOf(tenant) || accountId !== tenant.accountId) return null
  return { position: BigInt(position), snapshotsAfter: snapshotsAfter ?? null }
}
