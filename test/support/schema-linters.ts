import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import graphqlEslint from '@graphql-eslint/eslint-plugin'
import { ESLint, type Linter } from 'eslint'
import {
  type ASTNode,
  type ASTVisitor,
  buildASTSchema,
  parse,
  type ValidationContext,
  validate,
  visit,
} from 'graphql'

const { configs } = graphqlEslint
const recommended = configs['flat/schema-recommended'].rules
const [, names] = recommended['@graphql-eslint/naming-convention']

/** Rules of "recommended", "relay" and "all" that hold in another form here, or do not hold; each with the reason. */
const exceptions: Linter.RulesRecord = {
  // `ReportType` is the word of Stripe's API.
  '@graphql-eslint/naming-convention': [
    'error',
    { ...names, 'ObjectTypeDefinition,ObjectTypeExtension': { forbiddenPrefixes: ['Type'] } },
  ],
  // Fields of mutations begin with a small letter, input types with a capital one.
  '@graphql-eslint/input-name': ['error', { checkInputType: true, caseSensitiveInputType: false }],
  // The event log has no end, so it is read forward only. schema.test.ts has the lists that are read in both directions.
  '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
  // Connections have `nodes` beside `edges`, and payloads have lists. Events are not nodes: they are read again by cursor.
  '@graphql-eslint/relay-edge-types': [
    'error',
    { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
  ],
  // Values such as PageInfo, payloads and parts of a run have no identity of their own. Relay checks those that have.
  '@graphql-eslint/strict-id-in-types': 'off',
  // Fields are printed in the order of the alphabet, without exceptions for ids and times; the other linter checks it.
  '@graphql-eslint/alphabetize': 'off',
  // The rule is for schemas that only read.
  '@graphql-eslint/no-root-type': 'off',
  // Older versions of a report are deprecated without a date: they are removed in a new release of the schema only.
  // Biome's useDeprecatedDate is off for the same reason.
  '@graphql-eslint/require-deprecation-date': 'off',
  // Payloads have what the mutation changed; a client that needs more asks for it in the same document.
  '@graphql-eslint/require-field-of-type-query-in-mutation-result': 'off',
  // Lists and the viewer are there or the whole query fails; what may be absent is nullable.
  '@graphql-eslint/require-nullable-result-in-root': 'off',
  // The rule wants results of mutations to be @oneOf types of `ok` and `error`; here they have `userErrors`.
  '@graphql-eslint/require-type-pattern-with-oneof': 'off',
}

/** What @graphql-eslint finds wrong with a file of SDL, as "line: message (rule)". */
export async function lintWithGraphqlEslint(path: string): Promise<string[]> {
  const eslint = new ESLint({
    cwd: dirname(path),
    overrideConfigFile: true,
    overrideConfig: {
      files: ['**/*.graphql'],
      // Its own types name the rules more narrowly than those of ESLint.
      plugins: { '@graphql-eslint': graphqlEslint as unknown as ESLint.Plugin },
      languageOptions: {
        parser: graphqlEslint.parser as Linter.Parser,
        parserOptions: { graphQLConfig: { schema: path } },
      },
      rules: {
        ...recommended,
        ...configs['flat/schema-all'].rules,
        ...configs['flat/schema-relay'].rules,
        ...exceptions,
      } as Linter.RulesRecord,
    },
  })
  const results = await eslint.lintFiles([path])
  return results.flatMap(({ messages }) =>
    messages.map(({ line, message, ruleId }) => `${line}: ${message} (${ruleId})`),
  )
}

/**
 * What graphql-schema-linter finds wrong with a file of SDL by all of its rules, as "line: message". Its command fails
 * with graphql 17, where an absent list of a document is undefined and not empty as the rules expect; so they run here.
 */
export async function lintWithSchemaLinter(path: string): Promise<string[]> {
  const document = visit(parse(await readFile(path, 'utf8')), { enter: withEmptyLists })
  const errors = validate(buildASTSchema(document), document, await readSchemaLinterRules(), {
    maxErrors: Number.MAX_SAFE_INTEGER,
  })
  return errors.map(({ message, locations }) => `${locations?.[0]?.line}: ${message}`)
}

const listNames = ['arguments', 'directives', 'fields', 'interfaces', 'types', 'values']

function withEmptyLists(node: ASTNode): ASTNode {
  const given = Object.entries(node).filter(([, value]) => value !== undefined)
  // The node with lists that its kind does not have; nothing reads those.
  return Object.fromEntries([...listNames.map((name) => [name, []]), ...given]) as ASTNode
}

type Configuration = { getCommentDescriptions(): boolean; getRulesOptions(): object }
type PlainRule = (context: ValidationContext) => ASTVisitor
type ConfiguredRule = (configuration: Configuration, context: ValidationContext) => ASTVisitor

async function readSchemaLinterRules(): Promise<PlainRule[]> {
  const require = createRequire(import.meta.url)
  const folder = join(dirname(require.resolve('graphql-schema-linter')), 'rules')
  const configuration: Configuration = { getCommentDescriptions: () => false, getRulesOptions: () => ({}) }
  const isConfigured = (rule: PlainRule | ConfiguredRule): rule is ConfiguredRule => rule.length === 2
  return (await readdir(folder)).flatMap((file) => {
    // The package has no types. Each file exports one rule.
    const rules = Object.values(require(join(folder, file))) as (PlainRule | ConfiguredRule)[]
    return rules.map((rule) => (isConfigured(rule) ? (context) => rule(configuration, context) : rule))
  })
}
