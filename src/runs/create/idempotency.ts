import { createHash } from 'node:crypto'
import { IdempotencyError, InputError } from '../../errors.ts'
import type { Prisma, Transaction } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { visibleRun } from '../list/find-run.ts'

const maxKey = 255
/** How long a key is kept at least. */
export const keptMilliseconds = 24 * 60 * 60 * 1000

export type IdempotencyKey = {
  key: string
  /** Identifies the request: made from what the caller gave, not from what that means today. */
  fingerprint: Uint8Array<ArrayBuffer>
}

/** @throws InputError for a key that is empty, too long, or cannot be stored */
export function checkKey(key: string): void {
  if (key.length >= 1 && key.length <= maxKey && key.isWellFormed() && !key.includes('\0')) return
  throw new InputError(
    `The idempotency key has ${key.length} characters; it has to be text of 1 to ${maxKey}.`,
    ['idempotencyKey'],
  )
}

/** SHA-256 of a JSON value, the same for equal values. */
export function fingerprint(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(canonical(value)).digest())
}

/**
 * The run that was made with the key; null when there is none.
 *
 * @throws IdempotencyError when that run was asked for by another request
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
      `The idempotency key ${JSON.stringify(key)} was used with another request, which made ${known.runId}. Take a new key for a new request.`,
      known.runId,
    )
  }
  // It may have been deleted just now, and its key with it.
  return prisma.reportRun.findUnique({ where: { id: known.runId, ...visibleRun(viewer) } })
}

/** Claims the key for a run in the transaction that creates it; false when another one was faster, and is committed. */
export async function claimKey(
  tx: Transaction,
  { accountId, livemode }: Viewer,
  { key, fingerprint: given }: IdempotencyKey,
  runId: string,
  at: Date,
): Promise<boolean> {
  // While a twin has the key in a transaction that is still open, this waits for its end.
  const { count } = await tx.idempotencyKey.createMany({
    data: { accountId, livemode, key, fingerprint: given, runId, createdAt: at },
    skipDuplicates: true,
  })
  return count === 1
}

/** Forgets the keys that have been kept for long enough. */
export async function pruneKeys(prisma: Prisma, now: Date): Promise<void> {
  const before = new Date(now.getTime() - keptMilliseconds)
  await prisma.idempotencyKey.deleteMany({ where: { createdAt: { lt: before } } })
}

/** JSON with the keys of every object in order, so that equal values have equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
