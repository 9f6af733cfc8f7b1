/** What stands before the SQL of `test.ID.1`, a report whose one column is `a`; `more` goes into its front matter. */
export function customReportHeader(id: string, more = ''): string {
  return `/*---
id: test.${id}.1
title: Test
description: For tests.
scope: everyone
${more}
columns: { a: { type: string, description: Anything. } }
---*/
`
}
