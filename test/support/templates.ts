/** All tables, no rows. */
export const emptyTemplate = 'template_empty'
/** All tables, and the demo ledger of `demoAccountId` in both modes, which ends at `demoLedgerEnd`. */
export const demoTemplate = 'template_demo'

export type Template = typeof emptyTemplate | typeof demoTemplate
