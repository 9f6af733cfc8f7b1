import { builder } from '../builder.ts'

export const DateTimeRangeInput = builder.inputType('DateTimeRangeInput', {
  description: 'A range of time.',
  fields: (t) => ({
    start: t.field({
      type: 'DateTime',
      description: 'The inclusive start. The range has no start when absent.',
    }),
    end: t.field({ type: 'DateTime', description: 'The exclusive end. The range has no end when absent.' }),
  }),
})
