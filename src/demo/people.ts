import type { DemoCurrency } from './markets.ts'

/** A country that the shop sells to: its share of customers, and what names and addresses look like there. */
export type DemoCountry = {
  code: string
  weight: number
  settles: DemoCurrency
  /** The currency that customers there see, where it is not the one that is settled, and its rough rate. */
  sees?: { currency: string; rate: number }
  familyNameFirst?: true
  given: readonly string[]
  family: readonly string[]
  streets: readonly string[]
  /** City, state and postal code. */
  places: readonly (readonly [string, string | null, string])[]
}

export const demoCountries: readonly DemoCountry[] = [
  {
    code: 'US',
    weight: 52,
    settles: 'usd',
    given: [
      'Ava',
      'Noah',
      'Mia',
      'Liam',
      'José',
      'Keisha',
      'Olena',
      'Wei',
      'Priya',
      'Dale',
      'Fatima',
      'Grace',
    ],
    family: [
      'Johnson',
      'García',
      "O'Connor",
      'Smith, Jr.',
      'Nguyễn',
      'Chen',
      'Patel',
      'Haddad',
      'Kowalski',
      'Boone',
    ],
    streets: ['Main St', 'Oak Avenue', 'Elm Street, Apt. 4', '5th Ave', 'County Road 12'],
    places: [
      ['Portland', 'OR', '97205'],
      ['Austin', 'TX', '78701'],
      ['New York', 'NY', '10011'],
      ['Cañon City', 'CO', '81212'],
      ['Boston', 'MA', '02108'],
    ],
  },
  {
    code: 'GB',
    weight: 10,
    settles: 'usd',
    sees: { currency: 'gbp', rate: 1.27 },
    given: ['Oliver', 'Isla', 'Siân', 'Harriet', 'Aoife', 'Rhys'],
    family: ['Smith-Jones', 'Llewellyn', 'D’Arcy', 'Brown', 'MacLeòid', 'Clarke'],
    streets: ['High Street', 'Church Lane', 'The Mews', "King's Road"],
    places: [
      ['London', null, 'SW1A 1AA'],
      ['Leeds', null, 'LS1 4AP'],
      ['Caerdydd', null, 'CF10 1EP'],
    ],
  },
  {
    code: 'CA',
    weight: 6,
    settles: 'usd',
    sees: { currency: 'cad', rate: 0.73 },
    given: ['Chloé', 'Étienne', 'Emma', 'Jack', 'Zoë'],
    family: ['Tremblay', 'Côté', 'MacDonald', 'Singh', 'Lefebvre'],
    streets: ['Rue Sainte-Catherine', 'Queen Street W', 'Chemin du Lac'],
    places: [
      ['Montréal', 'QC', 'H3B 1A7'],
      ['Toronto', 'ON', 'M5V 2T6'],
    ],
  },
  {
    code: 'DE',
    weight: 10,
    settles: 'eur',
    given: ['Zoë', 'Jürgen', 'Anke', 'Lukas', 'Mehmet', 'Käthe'],
    family: ['Müller', 'Groß', 'von der Heide', 'Yıldız', 'Schäfer', 'Weiß'],
    streets: ['Hauptstraße', 'Am Brunnen', 'Lange Reihe', 'Schloßallee'],
    places: [
      ['Berlin', null, '10115'],
      ['München', null, '80331'],
      ['Köln', null, '50667'],
    ],
  },
  {
    code: 'FR',
    weight: 7,
    settles: 'eur',
    given: ['Élodie', 'François', 'Maëlle', 'Hugo', 'Inès'],
    family: ['Lefèvre', 'd’Aubigné', 'Garçon', 'Moreau', 'Benoît'],
    streets: ['rue de l’Église', 'avenue Victor Hugo', 'impasse du Puits'],
    places: [
      ['Paris', null, '75011'],
      ['Besançon', null, '25000'],
    ],
  },
  {
    code: 'GR',
    weight: 3,
    settles: 'eur',
    given: ['Ελένη', 'Γιώργος', 'Μαρία', 'Νίκος'],
    family: ['Παπαδόπουλος', 'Οικονόμου', 'Νικολαΐδη'],
    streets: ['Ερμού', 'Λεωφόρος Κηφισίας'],
    places: [['Αθήνα', null, '105 57']],
  },
  {
    code: 'JP',
    weight: 12,
    settles: 'jpy',
    familyNameFirst: true,
    given: ['太郎', '花子', 'さくら', '健', '美咲', 'ユウキ'],
    family: ['山田', '佐藤', '鈴木', '髙橋', '渡邉', '𠮷田'],
    streets: ['丸の内1丁目', '道玄坂2-10', '本町4-1-2'],
    places: [
      ['千代田区', '東京都', '100-0005'],
      ['渋谷区', '東京都', '150-0043'],
      ['大阪市', '大阪府', '541-0053'],
    ],
  },
]

/** Names that live everywhere: other scripts, right-to-left ones, and quotes and commas inside. */
export const demoWholeNames: readonly string[] = [
  'Олена Шевченко',
  'فاطمة العلي',
  'שירה לוי',
  'अनीता शर्मा',
  '김민준',
  '王小明',
  'Þóra Björnsdóttir',
  'Dwayne "Rocky" Smith, Jr.',
  'O\'Brien, Bud; "Bud & Sons"',
  'Ng',
]

const awkwardTexts: readonly string[] = [
  '=HYPERLINK("http://example.com","Click")',
  'Two lines:\nring twice, then wait',
  '+1 555 0100 before delivery',
  '-10 % agreed by phone',
  '@shop floor',
  'Says "thank you", pays late',
  'C:\\temp\\new\\report.txt',
  '\\N',
  'Tab\there, and CR LF\r\nthere',
  'عرض خاص – 20 %',
  ' spaces around ',
  'Gift 🎁 for 👩‍👩‍👧',
]

/**
 * Text that careless CSV, COPY or spreadsheet code breaks on: formulas, quotes, separators, line ends, backslashes and
 * Postgres's own null mark. Any dozen consecutive turns give all of them.
 */
export function demoAwkwardText(turn: number): string {
  return awkwardTexts[turn % awkwardTexts.length] ?? ''
}
