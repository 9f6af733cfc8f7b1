import { DatabaseError, type FieldDef, type PoolClient, type QueryConfig } from 'pg'
import { sql } from '../sql.ts'
import { type CustomReport, sqlTypeOf } from './custom-report.ts'
import { lineAt, type Problem, ReportFileError } from './problem.ts'
import { bindStatement } from './statement.ts'
import { type PostgresType, valueTypes } from './value-type.ts'

/** Nothing is read, so this passes only while others lock a table. */
const checkSeconds = 10

/**
 * Has Postgres plan a report and run it for no rows, and compares the columns. Nothing of it is written, whatever it says.
 *
 * Each place that we take for a parameter is sent as one of its own. Were it none to Postgres, as inside a string, then
 * their numbers would differ, and it would refuse.
 *
 * @throws ReportFileError that names the file and the line
 */
export async function checkStatement(client: PoolClient, report: CustomReport): Promise<void> {
  const { file, header, lineOf, statement } = report
  const nothing = (name: string) => sql`cast(${null} as ${sqlTypeOf(header, name)})`
  const { text, values } = sql`select * from ${bindStatement(statement, nothing)} limit 0`
  // Not the simple protocol, which takes several statements.
  const query: QueryConfig & { queryMode: 'extended' } = { text, values, queryMode: 'extended' }
  await client.query(`begin read only; set local statement_timeout = '${checkSeconds}s'`)
  try {
    const { fields } = await client.query(query)
    const problems = faultsOf(report, fields, await typesOf(client, fields)).map(({ name, message }) => ({
      line: lineOf(['columns', name]),
      message,
    }))
    if (problems.length > 0) throw new ReportFileError(file, problems)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw new ReportFileError(file, [toProblem(text, error)])
  } finally {
    // Where it fails, the connection is what is broken, and what was thrown before says more.
    await client.query('rollback').catch(() => {})
  }
}

const adviceByCode: Readonly<Record<string, string>> = {
  '42601': 'A report is one SELECT.',
  '42501': 'Grant it to the login that reports have, or do without it.',
}

function toProblem(text: string, { code, message, hint, position }: DatabaseError): Problem {
  const more = [hint, adviceByCode[code ?? '']].filter(Boolean).join(' ')
  // Postgres counts characters, from 1, and the statement begins in the second line.
  const before = [...text].slice(0, Number(position ?? 1) - 1).join('')
  const line = Math.max(1, lineAt(before, before.length) - 1)
  return { line, message: `Postgres says: ${message}. ${more}`.trim() }
}

async function typesOf(client: PoolClient, fields: readonly FieldDef[]): Promise<PostgresType[]> {
  const { rows } = await client.query<PostgresType & { oid: number }>(
    'select oid, typname as name, typcategory as category from pg_type where oid = any ($1)',
    [fields.map(({ dataTypeID }) => dataTypeID)],
  )
  const byOid = new Map(rows.map(({ oid, name, category }) => [oid, { name, category }]))
  return fields.map(({ dataTypeID }) => byOid.get(dataTypeID) ?? { name: String(dataTypeID), category: 'X' })
}

/** What is wrong with the columns that the statement gives, by the name of the column. */
function faultsOf({ header }: CustomReport, fields: readonly FieldDef[], types: readonly PostgresType[]) {
  const names = fields.map(({ name }) => name)
  const missing = Object.keys(header.columns)
    .filter((name) => !names.includes(name))
    .map((name) => ({ name, message: `The SQL gives no column "${name}". It gives ${names.join(', ')}.` }))
  const others = fields.flatMap(({ name }, i) => {
    const fault = (message: string) => [{ name, message: `The SQL gives the column "${name}"${message}` }]
    // The names are the report's, such as "constructor".
    const column = Object.hasOwn(header.columns, name) ? header.columns[name] : undefined
    const type = types[i]
    if (!column) return fault(', and the header does not have it.')
    if (names.indexOf(name) < i) return fault(' twice.')
    const { accepts, advice } = valueTypes[column.type]
    return type && !accepts(type) ? fault(` as ${type.name}, which is no ${column.type}. ${advice}`) : []
  })
  return [...missing, ...others]
}
