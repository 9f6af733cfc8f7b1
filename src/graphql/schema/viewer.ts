import type { Viewer as ViewerValue } from '../../auth/viewer.ts'
import { builder } from '../builder.ts'
import { requireViewer } from '../context.ts'
import { Actor } from './actor.ts'

const Viewer = builder.objectRef<ViewerValue>('Viewer').implement({
  description: 'Who is asking, as the API key says.',
  fields: (t) => ({
    actor: t.field({
      type: Actor,
      description: 'Who acts.',
      resolve: async ({ apiKeyId }, _args, { loaders }) => {
        const apiKey = await loaders.apiKey.load(apiKeyId)
        if (!apiKey) throw new Error(`The API key ${apiKeyId} is gone.`)
        return apiKey
      },
    }),
    accountId: t.exposeID('accountId', {
      description: 'Account whose data is seen; every query is bound to it.',
    }),
    livemode: t.exposeBoolean('livemode', {
      description: 'False in test mode, whose data never meets live data.',
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    description: 'Who is asking, and in which account and mode.',
    resolve: (_root, _args, context) => requireViewer(context),
  }),
)
