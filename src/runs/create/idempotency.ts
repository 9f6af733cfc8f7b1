import { createHash } from 'node:crypto'
import { IdempotencyError, InputError } from '../../errors.ts'
import type { Prisma, Transaction } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { visibleRun } from '../list/find-run.ts'

const maxKey = 255
/** Minimum time for which a key is kept, in milliseconds. */
export const keptMilliseconds = 24 * 60 * 60 * 1000

export type IdempotencyKey = {
  key: string
  /** Identifies the request. Computed before relative intervals are resolved, because their periods change. */
  fingerprint: Uint8Array<ArrayBuffer>
}

/** @throws InputError for a key that is empty, too long, or cannot be stored */
export function checkKey(key: string): void {
  if (key.length >= 1 && key.length <= maxKey && key.isWellFormed() && !key.includes('\0')) return
  throw new InputError(
    key.length >= 1 && key.length <= maxKey
      ? 'The idempotency key contains NUL or an unpaired surrogate, which cannot be stored. Use another key.'
      : `The idempotency key has ${key.length} characters; it must have 1 to ${maxKey}.`,
    ['idempotencyKey'],
  )
}

/** SHA-256 of a JSON value; equal values have equal hashes, whatever the order of their keys. */
export function fingerprint(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(canonical(value)).digest())
}

/**
 * The run that was created with the key; null when there is none.
 *
 * @throws IdempotencyError when another request created that run
 */
export async function findKeyedRun(
  prisma: Prisma,
  viewer: Viewer,
  { key, fingerprint: wanted }: IdempotencyKey,
): Promise<ReportRun | null> {
  const { accountId, livemode } = viewer
  const known = await prisma.idempotencyKey.findUnique({
    where: { accountId_livemode_key: { accountId, livemode, key } },
  })
  if (!known) return null
  if (!Buffer.from(known.fingerprint).equals(wanted)) {
    throw new IdempotencyError(
      `The idempotency key ${JSON.stringify(key)} was used with another request, which created the report run ${known.runId}. Use a new key for a new request.`,
      known.runId,
    )
  }
  // Null when the run and its key were deleted in the meantime.
  return prisma.reportRun.findUnique({ where: { id: known.runId, ...visibleRun(viewer) } })
}

/** Claims the key for an existing run; false when another transaction has committed the key. */
export async function claimKey(
  tx: Transaction,
  { accountId, livemode }: Viewer,
  { key, fingerprint: given }: IdempotencyKey,
  runId: string,
  at: Date,
): Promise<boolean> {
  // While another open transaction holds the key, this waits for its end.
  const { count } = await tx.idempotencyKey.createMany({
    data: { accountId, livemode, key, fingerprint: given, runId, createdAt: at },
    skipDuplicates: true,
  })
  return count === 1
}

/** Deletes the keys that are older than `keptMilliseconds`. */
export async function pruneKeys(prisma: Prisma, now: Date): Promise<void> {
  const before = new Date(now.getTime() - keptMilliseconds)
  await prisma.idempotencyKey.deleteMany({ where: { createdAt: { lt: before } } })
}

/** JSON with the keys of every object sorted, so that equal values have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
