import type { ApiKey as ApiKeyRow } from '../../../postgres/generated/prisma/client.ts'
import { type Quota, readQuota } from '../../../runs/create/quota.ts'
import type { Viewer as ViewerValue } from '../../../tenant.ts'
import { tenantOf } from '../../../tenant.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'

export const Actor = builder.interfaceRef<ApiKeyRow>('Actor').implement({
  description: 'Who acted.',
  interfaces: [builder.nodeInterfaceRef()],
  resolveType: () => 'ApiKey',
  fields: (t) => ({
    displayName: t.exposeString('name', { description: 'Name to show.' }),
  }),
})

builder.prismaNode('ApiKey', {
  description: 'An API key. Its secret is shown once, when it is made, and never again.',
  id: { field: 'id', description: 'Global id of the key.' },
  nullable: true,
  findUnique: (id, context) => ({ id, ...tenantOf(requireViewer(context)) }),
  interfaces: [Actor],
  fields: (t) => ({
    lastFour: t.exposeString('lastFour', { description: 'Last four characters of the secret.' }),
  }),
})

const QuotaUse = builder.objectRef<Quota[keyof Quota]>('QuotaUse').implement({
  description: 'How much of a limit is used.',
  fields: (t) => ({
    limit: t.exposeInt('limit', { description: 'How many are allowed.' }),
    used: t.exposeInt('used', { description: 'How many are used now.' }),
    resetsAt: t.expose('resetsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it is counted anew; null for limits that do not go by time.',
    }),
  }),
})

const QuotaRef = builder.objectRef<Quota>('Quota').implement({
  description: 'Limits of the account in this mode.',
  fields: (t) => ({
    concurrentRuns: t.expose('concurrentRuns', {
      type: QuotaUse,
      description: 'Runs that are made at once. Further ones wait in the queue; they are not refused.',
    }),
    dailyRuns: t.expose('dailyRuns', {
      type: QuotaUse,
      description: 'Runs asked for today, in UTC. Further ones are refused until tomorrow.',
    }),
  }),
})

const Viewer = builder.objectRef<ViewerValue>('Viewer').implement({
  description: 'Who is asking, as the API key says.',
  fields: (t) => ({
    actor: t.field({
      type: Actor,
      description: 'Who acts.',
      resolve: async ({ apiKeyId }, _args, { loaders }) => {
        const apiKey = await loaders.apiKey(apiKeyId)
        if (!apiKey) throw new Error(`The API key ${apiKeyId} is gone.`)
        return apiKey
      },
    }),
    accountId: t.exposeID('accountId', {
      description: 'Account whose data is seen; every query is bound to it.',
    }),
    quota: t.field({
      type: QuotaRef,
      description: 'What the account may still use in this mode.',
      resolve: (viewer, _args, { prisma, limits, now }) => readQuota(prisma, viewer, limits, now()),
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
