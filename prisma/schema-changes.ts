import { withSchemaEngine } from './schema-engine.ts'

/**
 * Returns the SQL that changes a database from one version of `schema.prisma` to another.
 *
 * Both versions are texts, because Prisma's engine cannot read the state of a database through `@prisma/adapter-pg`
 * (prisma/orm#27403).
 *
 * @param url any Postgres; it is not changed
 * @param from text of the earlier `schema.prisma`; null for an empty database
 */
export async function schemaChanges(url: string, from: string | null, to: string): Promise<string> {
  const datamodel = (content: string) => ({
    tag: 'schemaDatamodel' as const,
    files: [{ path: 'schema.prisma', content }],
  })
  return withSchemaEngine(url, to, async (engine) => {
    const { stdout } = await engine.diff({
      from: from === null ? { tag: 'empty' } : datamodel(from),
      to: datamodel(to),
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    })
    return stdout ?? ''
  })
}
