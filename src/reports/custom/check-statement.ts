import { DatabaseError, type FieldDef, type PoolClient, type QueryConfig } from 'pg'
import { sql } from '../sql.ts'
import { type CustomReport, sqlTypeOf } from './custom-report.ts'
import { lineAt, type Problem, ReportFileError } from './problem.ts'
import { bindStatement } from './statement.ts'
import { type PostgresType, valueTypes } from './value-type.ts'

/** The check reads no rows, so it takes this long only while a table is locked. */
const checkSeconds = 10

/**
 * Runs a report for no rows in a read-only transaction, and compares its columns with the header.
 *
 * The check sends each occurrence of a parameter separately. If Postgres did not read one as a parameter, for example
 * inside a string, the numbers of parameters would differ and Postgres would reject the statement.
 *
 * @throws ReportFileError with the file and line of each problem
 */
export async function checkStatement(client: PoolClient, report: CustomReport): Promise<void> {
  const { file, header, lineOf, statement } = report
  const nullOf = (name: string) => sql`cast(${null} as ${sqlTypeOf(header, name)})`
  const { text, values } = sql`select * from ${bindStatement(statement, nullOf)} limit 0`
  // The simple protocol would accept several statements.
  const query: QueryConfig & { queryMode: 'extended' } = { text, values, queryMode: 'extended' }
  await client.query(`begin read only; set local statement_timeout = '${checkSeconds}s'`)
  try {
    const { fields } = await client.query(query)
    const problems = checkColumns(report, fields, await typesOf(client, fields)).map(({ name, message }) => ({
      line: lineOf(['columns', name]),
      message,
    }))
    if (problems.length > 0) throw new ReportFileError(file, problems)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw new ReportFileError(file, [toProblem(text, error)])
  } finally {
    // A rollback fails only on a broken connection, and the first error says more.
    await client.query('rollback').catch(() => {})
  }
}

const adviceByCode: Readonly<Record<string, string>> = {
  '42601': 'A report must be a single SELECT.',
  '42501': 'Grant the permission to the login for reports, or change the SQL.',
}

function toProblem(text: string, { code, message, hint, position }: DatabaseError): Problem {
  const advice = [hint, adviceByCode[code ?? '']].filter(Boolean).join(' ')
  // Postgres counts characters from 1, and the report starts on the second line of the text.
  const before = [...text].slice(0, Number(position ?? 1) - 1).join('')
  const line = Math.max(1, lineAt(before, before.length) - 1)
  return { line, message: `Postgres reports: ${message}. ${advice}`.trim() }
}

async function typesOf(client: PoolClient, fields: readonly FieldDef[]): Promise<PostgresType[]> {
  const { rows } = await client.query<PostgresType & { oid: number }>(
    'select oid, typname as name, typcategory as category from pg_type where oid = any ($1)',
    [fields.map(({ dataTypeID }) => dataTypeID)],
  )
  const byOid = new Map(rows.map(({ oid, name, category }) => [oid, { name, category }]))
  return fields.map(({ dataTypeID }) => byOid.get(dataTypeID) ?? { name: String(dataTypeID), category: 'X' })
}

/** Compares the columns of the result with the header; returns the column and message of each problem. */
function checkColumns({ header }: CustomReport, fields: readonly FieldDef[], types: readonly PostgresType[]) {
  const names = fields.map(({ name }) => name)
  const missing = Object.keys(header.columns)
    .filter((name) => !names.includes(name))
    .map((name) => ({
      name,
      message: `The SQL returns no column "${name}". Its columns are ${names.join(', ')}.`,
    }))
  const others = fields.flatMap(({ name }, i) => {
    const problem = (rest: string) => [{ name, message: `The SQL returns the column "${name}"${rest}` }]
    // A report can have a column such as "constructor".
    const column = Object.hasOwn(header.columns, name) ? header.columns[name] : undefined
    const type = types[i]
    if (!column) return problem(', which the header does not declare.')
    if (names.indexOf(name) < i) return problem(' twice.')
    const { accepts, advice } = valueTypes[column.type]
    return type && !accepts(type)
      ? problem(` as ${type.name}, but the header declares it as ${column.type}. ${advice}`)
      : []
  })
  return [...missing, ...others]
}
