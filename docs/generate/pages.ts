import { configurationPage } from './configuration.ts'
import { errorCodesPage } from './error-codes.ts'
import { ledgerTablesPage } from './ledger-tables.ts'
import { performancePage, readResults } from './performance.ts'
import { reportCatalogPage } from './report-catalog.ts'

/** The pages that are printed from the code: paths below `docs`, and their text. */
export function generatedPages(): Record<string, string> {
  return {
    'api/errors.md': errorCodesPage(),
    'operations/configuration.md': configurationPage(),
    'performance.md': performancePage(readResults()),
    'reports/catalog.md': reportCatalogPage(),
    'reports/ledger-tables.md': ledgerTablesPage(),
  }
}
