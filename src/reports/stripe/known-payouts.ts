import { InputError } from '../../errors.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'

/**
 * Checks that the ledger knows which payout swept each row before a time. Rows of a payout can be much older than the
 * payout, so they must be known from the start of the data.
 *
 * @param until RFC 3339 text; data that is not available yet is not checked
 * @param parameter the parameter that the error names
 */
export async function checkKnownPayouts(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
  until: string,
  parameter: string,
): Promise<InputError[]> {
  // A ledger without coverage per side, such as an older one, knows its payouts as its coverage says.
  const [gap] = await prisma.$queryRaw<{ start: Date; end: Date }[]>`
    select lower(gap) as start, upper(gap) as end
    from ledger_coverage c
    left join ledger_side_coverage s
      on (s.account_id, s.livemode, s.side) = (c.account_id, c.livemode, 'ACTIVITY'),
    unnest(
      tstzmultirange(tstzrange(
        c.available_from, greatest(c.available_from, least(c.available_until, ${until}::timestamptz))
      )) - case
        when s.side is not null then s.payouts_known_in
        when c.payouts_known then tstzmultirange(tstzrange(c.available_from, c.available_until))
        else '{}'
      end
    ) gap
    where c.account_id = ${accountId} and c.livemode = ${livemode}
    order by 1 limit 1`
  if (!gap) return []
  const [start, end] = [gap.start, gap.end].map((time) => time.toISOString().replace('.000Z', 'Z'))
  const message = `The ledger does not know which payouts include the balance transactions from ${start} until ${end}, because an imported export lacks the column Transfer or automatic_payout_id. Import the balance history of that time again with the column Transfer, or sync it from Stripe.`
  return [new InputError(message, [parameter])]
}
