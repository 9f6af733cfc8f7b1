import type Stripe from 'stripe'
import type { LedgerBalanceTransaction } from '../rows.ts'
import { idOf, wholeOf } from './expandable.ts'

type ConnectedAccountColumns = Pick<
  LedgerBalanceTransaction,
  'connectedAccountId' | 'connectedAccountName' | 'connectedAccountCountry'
>

/** The account that a platform's transfer, charge or fee is about. Its name is the one that customers see, if it has one. */
export function connectedAccountColumns(
  link: string | Stripe.Account | null | undefined,
): ConnectedAccountColumns {
  const account = wholeOf(link)
  return {
    connectedAccountId: idOf(link),
    connectedAccountName:
      account?.business_profile?.name ?? account?.settings?.dashboard?.display_name ?? null,
    connectedAccountCountry: account?.country ?? null,
  }
}
