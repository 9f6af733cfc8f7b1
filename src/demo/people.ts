import people from './people.json' with { type: 'json' }

/**
 * A country that the shop sells to: its share of customers, and examples of names and addresses. `sees` has the
 * currency that its customers see and its approximate rate, if that is not the settlement currency.
 */
export type DemoCountry = (typeof people.countries)[number]

export const demoCountries: readonly DemoCountry[] = people.countries

/** Full names for any country: other scripts, right-to-left scripts, quotes and commas. */
export const demoFullNames: readonly string[] = people.fullNames

/**
 * Returns text that breaks careless CSV, COPY or spreadsheet code: formulas, quotes, separators, line ends, backslashes
 * and the null marker of Postgres. Any twelve consecutive turns return all texts.
 */
export function demoAwkwardText(turn: number): string {
  return people.awkwardTexts[turn % people.awkwardTexts.length] ?? ''
}
