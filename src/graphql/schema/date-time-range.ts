import { builder } from '../builder.ts'

export const DateTimeRangeInput = builder.inputType('DateTimeRangeInput', {
  description: 'A range of time.',
  fields: (t) => ({
    start: t.field({
      type: 'DateTime',
      description: 'Inclusive start; there is no lower bound when absent.',
    }),
    end: t.field({ type: 'DateTime', description: 'Exclusive end; there is no upper bound when absent.' }),
  }),
})
