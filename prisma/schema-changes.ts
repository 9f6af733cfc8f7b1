import { withSchemaEngine } from './schema-engine.ts'

/**
 * The SQL that leads from one state of `schema.prisma` to another.
 *
 * Both states are texts, because Prisma's engine cannot read a database's own state through `@prisma/adapter-pg`
 * (prisma/orm#27403).
 *
 * @param url any Postgres; nothing is changed in it
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
