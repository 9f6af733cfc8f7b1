import { builder } from '../builder.ts'

export const DateTimeRangeInput = builder.inputType('DateTimeRangeInput', {
  description: 'A range of time that includes its start and excludes its end.',
  fields: (t) => ({
    start: t.field({
      type: 'DateTime',
      description: 'The inclusive start. Default: no start.',
    }),
    end: t.field({ type: 'DateTime', description: 'The exclusive end. Default: no end.' }),
  }),
})
