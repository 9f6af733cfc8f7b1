import type { LedgerAddress, LedgerCustomer } from '../ledger/rows.ts'
import type { Day } from './calendar.ts'
import { dayOfMonth, momentOf } from './calendar.ts'
import type { NewDemoId } from './ids.ts'
import type { DemoMarket } from './markets.ts'
import { type DemoCountry, demoAwkwardText, demoCountries, demoFullNames } from './people.ts'
import type { DemoRandom } from './random.ts'

export type DemoSubscription = {
  id: string
  price: number
  firstDay: Day
  /** Day of the month on which it is charged, 1–28. */
  dayOfMonth: number
  invoices: number
}

export type DemoCustomer = {
  row: LedgerCustomer
  country: DemoCountry
  invoicePrefix: string
  subscription: DemoSubscription | null
}

/** Creates the customers of one market, in the order in which they became customers. One in seven has a subscription. */
export function createDemoCustomers(
  market: DemoMarket,
  count: number,
  span: { firstDay: Day; days: number },
  random: DemoRandom,
  newId: NewDemoId,
): DemoCustomer[] {
  const countries = demoCountries
    .filter((country) => country.settles === market.currency)
    .map((country) => [country, country.weight] as const)
  return Array.from({ length: count }, (_, number) => {
    const country = random.weighted(countries)
    const name = nameOf(country, random)
    const address = addressIn(country, random)
    const isElsewhere = random.chance(0.15)
    const row: LedgerCustomer = {
      id: newId('cus', momentOf(span.firstDay)),
      email: `${mailboxOf(name)}.${market.currency}${number + 1}@example.${random.chance(0.8) ? 'com' : 'org'}`,
      name,
      description: describe(number, random),
      address: random.chance(0.9) ? address : null,
      shippingAddress: isElsewhere ? addressIn(country, random) : address,
    }
    const subscription = random.chance(1 / 7) ? createSubscription(market, span, random, newId) : null
    return {
      row,
      country,
      invoicePrefix: `ACORN${market.currency.toUpperCase()}${String(number + 1).padStart(4, '0')}`,
      subscription,
    }
  })
}

function nameOf(country: DemoCountry, random: DemoRandom): string {
  if (random.chance(0.03)) return random.pick(demoFullNames)
  const names = [random.pick(country.given), random.pick(country.family)]
  return (country.familyNameFirst ? names.reverse() : names).join(' ')
}

function mailboxOf(name: string): string {
  const plain = name
    .normalize('NFD')
    .toLowerCase()
    .replace(/[^a-z ]/g, '')
    .trim()
    .replace(/ +/g, '.')
  return plain === '' ? 'customer' : plain
}

function addressIn(country: DemoCountry, random: DemoRandom): LedgerAddress {
  const place = random.pick<LedgerAddress>(country.places)
  return {
    line1: `${random.between(1, 240)} ${random.pick(country.streets)}`,
    line2: random.chance(0.2) ? `Floor ${random.between(1, 30)}, "Unit ${random.between(1, 9)}"` : null,
    ...place,
    country: country.code,
  }
}

function describe(number: number, random: DemoRandom): string | null {
  if (number % 53 === 1) return demoAwkwardText(Math.floor(number / 53))
  return random.chance(0.3)
    ? random.pick(['Newsletter', 'Wholesale', 'Came from the autumn fair', 'VIP'])
    : null
}

function createSubscription(
  market: DemoMarket,
  span: { firstDay: Day; days: number },
  random: DemoRandom,
  newId: NewDemoId,
): DemoSubscription {
  const firstDay = span.firstDay + random.between(0, span.days - 1)
  return {
    id: newId('sub', momentOf(firstDay)),
    price: random.pick(market.subscriptionPrices),
    firstDay,
    dayOfMonth: Math.min(28, dayOfMonth(firstDay)),
    invoices: 0,
  }
}
