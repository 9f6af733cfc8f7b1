import people from './people.json' with { type: 'json' }

/**
 * A country that the shop sells to: its share of customers, and what names and addresses look like there. `sees` is the
 * currency that customers there see, where it is not the one that is settled, and its rough rate.
 */
export type DemoCountry = (typeof people.countries)[number]

export const demoCountries: readonly DemoCountry[] = people.countries

/** Names that live everywhere: other scripts, right-to-left ones, and quotes and commas inside. */
export const demoWholeNames: readonly string[] = people.wholeNames

/**
 * Text that careless CSV, COPY or spreadsheet code breaks on: formulas, quotes, separators, line ends, backslashes and
 * Postgres's own null mark. Any dozen consecutive turns give all of them.
 */
export function demoAwkwardText(turn: number): string {
  return people.awkwardTexts[turn % people.awkwardTexts.length] ?? ''
}
