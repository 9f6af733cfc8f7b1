// For editors and tools that validate and complete GraphQL documents.
export default {
  schema: 'schema.graphql',
  documents: ['src/cli/client/*.ts', 'src/graphql/plugins/graphiql/*.graphql'],
}
