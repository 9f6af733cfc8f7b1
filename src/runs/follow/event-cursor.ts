import { modeOf, type Tenant } from '../../tenant.ts'

/** A place in an account's event log: what comes after it is not delivered yet. */
export type EventCursor = {
  /** Position of the last event before this place; 0 for the beginning. */
  position: bigint
  /**
   * Set while snapshots of the runs that were live at this position are being sent: those with an id greater than this
   * come next, then the events. Null after the last one.
   */
  snapshotsAfter: string | null
}

const pattern = /^(test|live):([a-z0-9_]+):(\d{1,18})(?::([a-z0-9_]*))?$/

/** The cursor as clients hold it. It names its log, so that it is never accepted for another account or mode. */
export function encodeEventCursor(tenant: Tenant, { position, snapshotsAfter }: EventCursor): string {
  const snapshots = snapshotsAfter === null ? '' : `:${snapshotsAfter}`
  return Buffer.from(`${modeOf(tenant)}:${tenant.accountId}:${position}${snapshots}`).toString('base64url')
}

/** Null when it is not a cursor of this log. */
export function decodeEventCursor(tenant: Tenant, cursor: string): EventCursor | null {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const [, mode, accountId, position, snapshotsAfter] = pattern.exec(text) ?? []
  if (position === undefined || mode !== modeOf(tenant) || accountId !== tenant.accountId) return null
  return { position: BigInt(position), snapshotsAfter: snapshotsAfter ?? null }
}
