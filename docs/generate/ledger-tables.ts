import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ledgerTables } from '../../src/ledger/rows.ts'
import { generatedNote } from './generated-note.ts'

export type DocumentedColumn = { name: string; type: string; isNullable: boolean; meaning: string }
export type DocumentedTable = { name: string; meaning: string; columns: DocumentedColumn[] }

const schemaFile = join(import.meta.dirname, '..', '..', 'prisma', 'schema.prisma')

/** The Postgres type of each Prisma type that the ledger uses. */
const postgresTypes: Readonly<Record<string, string>> = {
  BigInt: 'bigint',
  Boolean: 'boolean',
  DateTime: 'timestamptz',
  Int: 'integer',
  Json: 'jsonb',
  String: 'text',
}

const meaningOfShared: Readonly<Record<string, string>> = {
  account_id: 'Compare it with `:account_id`.',
  livemode: 'Compare it with `:livemode`.',
}

/** The page docs/reports/ledger-tables.md, as Markdown: the tables and columns that custom reports can read. */
export function ledgerTablesPage(): string {
  return `${generatedNote}

# Ledger tables

This page lists the tables that [custom reports](custom-sql.md) can read on the embedded Postgres, in the schema \`report_gateway\`.

- Amounts are integers in minor units of their currency: 1234 is 12.34 in \`eur\`, and 1,234 in \`jpy\`.
- Times are instants. \`created at time zone :timezone\` is the local time in the timezone of the report.
- A null is a value that the import did not contain, unless the table says otherwise.
- Join each table also by \`account_id\` and \`livemode\`, because ids are unique only within an account and mode. The columns \`charge_id\`, \`customer_id\` and \`balance_transaction_id\` contain the \`id\` of the table that they name; \`payout_id\` and \`automatic_payout_id\` contain that of \`payouts\`.

${readLedgerTables().map(section).join('\n\n')}
`
}

/**
 * Reads the ledger tables from schema.prisma.
 *
 * @throws Error when a table has no model, or a column has a type without a known Postgres type
 */
export function readLedgerTables(): DocumentedTable[] {
  const schema = readFileSync(schemaFile, 'utf8')
  const models = [...schema.matchAll(/^((?:\/\/\/.*\n)*)model \w+ \{\n([\s\S]*?)^\}/gm)].map(
    ([, comment = '', body = '']) => ({
      name: /@@map\("(\w+)"\)/.exec(body)?.[1],
      meaning: textOf(comment),
      body,
    }),
  )
  return [...Object.keys(ledgerTables), 'ledger_coverage'].map((name) => {
    const model = models.find((candidate) => candidate.name === name)
    if (!model) throw new Error(`schema.prisma has no model for the table ${name}.`)
    return { name, meaning: model.meaning, columns: readColumns(model.body) }
  })
}

function readColumns(body: string): DocumentedColumn[] {
  const fields = body.matchAll(/^((?: +\/\/\/.*\n)*) +(\w+) +(\w+)(\??)(?: +(.*))?$/gm)
  return [...fields].map(([, comment = '', field = '', prismaType = '', mark, attributes = '']) => {
    const type = postgresTypes[prismaType]
    if (type === undefined) throw new Error(`${field} in schema.prisma has the unknown type ${prismaType}.`)
    const name = /@map\("(\w+)"\)/.exec(attributes)?.[1] ?? field
    return { name, type, isNullable: mark === '?', meaning: meaningOfShared[name] ?? textOf(comment) }
  })
}

/** The text of comment lines, in one line. */
function textOf(comment: string): string {
  return comment
    .replace(/^ *\/\/\/ ?/gm, '')
    .trim()
    .replaceAll('\n', ' ')
}

function section({ name, meaning, columns }: DocumentedTable): string {
  const rows = columns.map(
    (column) =>
      `| \`${column.name}\` | ${column.type} | ${column.isNullable ? 'yes' : 'no'} | ${column.meaning} |`,
  )
  const head = '| Column | Type | Can be null | Meaning |\n| --- | --- | --- | --- |'
  return [`## ${name}`, meaning, [head, ...rows].join('\n')].join('\n\n')
}
