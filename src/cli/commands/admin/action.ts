import type { Prisma } from '../../../postgres/client.ts'
import type { ChangeServices } from '../../../runs/lifecycle/transition.ts'
import type { Row } from '../../table.ts'
import type { AdminOptions } from './options.ts'

export type AdminServices = {
  prisma: Prisma
  /** Opens what a change of a run needs, and keeps it open until the command ends. */
  openChanges: () => Promise<ChangeServices>
  /** The current time of the database. */
  now(): Date
  /** Writes a sentence to standard error, so that standard output has only the rows. */
  say: (sentence: string) => void
}

/**
 * An action of the command.
 *
 * @returns the rows of a list, one row with all details, or null when there is nothing to print
 */
export type AdminAction = (
  services: AdminServices,
  values: AdminOptions,
  ids: readonly string[],
) => Promise<readonly Row[] | Row | null>
