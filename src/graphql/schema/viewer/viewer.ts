import type { ApiKey as ApiKeyRow } from '../../../postgres/generated/prisma/client.ts'
import { type Quota, readQuota } from '../../../runs/create/quota.ts'
import type { Viewer as ViewerValue } from '../../../tenant.ts'
import { tenantOf } from '../../../tenant.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'
import { costExtension } from '../../plugins/document-cost.ts'

export const Actor = builder.interfaceRef<ApiKeyRow>('Actor').implement({
  description: 'An identity that acts through the API, such as an API key.',
  interfaces: [builder.nodeInterfaceRef()],
  resolveType: () => 'ApiKey',
  fields: (t) => ({
    displayName: t.exposeString('name', { description: 'The name to display.' }),
  }),
})

builder.prismaNode('ApiKey', {
  description: 'An API key. Its secret is shown only once, when the key is created.',
  id: { field: 'id', description: 'The global ID of the API key.' },
  nullable: true,
  findUnique: (id, context) => ({ id, ...tenantOf(requireViewer(context)) }),
  interfaces: [Actor],
  fields: (t) => ({
    lastFour: t.exposeString('lastFour', { description: 'The last four characters of the secret.' }),
  }),
})

const QuotaUse = builder.objectRef<Quota[keyof Quota]>('QuotaUse').implement({
  description: 'A limit on the number of runs, and how much of it is used.',
  fields: (t) => ({
    limit: t.exposeInt('limit', { description: 'The maximum number of runs.' }),
    used: t.exposeInt('used', { description: 'The number of runs that count toward the limit now.' }),
    resetsAt: t.expose('resetsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the count restarts at zero. Null for a limit that does not depend on time.',
    }),
  }),
})

const QuotaRef = builder.objectRef<Quota>('Quota').implement({
  description: 'The limits of the account in the current mode.',
  fields: (t) => ({
    concurrentRuns: t.expose('concurrentRuns', {
      type: QuotaUse,
      description:
        'The limit on runs in progress at the same time. Runs beyond the limit wait in the queue; they are not rejected.',
    }),
    dailyRuns: t.expose('dailyRuns', {
      type: QuotaUse,
      description:
        'The limit on runs requested in one UTC day. Runs beyond the limit are rejected until the next day.',
    }),
  }),
})

/** Two queries count. */
const quotaCost = 20

const Viewer = builder.objectRef<ViewerValue>('Viewer').implement({
  description: 'The identity, account and mode of the API key that sends the request.',
  fields: (t) => ({
    actor: t.field({
      type: Actor,
      description: 'The actor that sends the request.',
      resolve: async ({ apiKeyId }, _args, { loaders }) => {
        const apiKey = await loaders.apiKey(apiKeyId)
        if (!apiKey) throw new Error(`The API key ${apiKeyId} of the viewer was not found.`)
        return apiKey
      },
    }),
    accountId: t.exposeID('accountId', {
      description: 'The ID of the account. Every query returns data of this account only.',
    }),
    quota: t.field({
      type: QuotaRef,
      description: 'The limits of the account in the current mode, and how much of them is used.',
      extensions: { [costExtension]: quotaCost },
      resolve: (viewer, _args, { prisma, limits, now }) => readQuota(prisma, viewer, limits, now()),
    }),
    livemode: t.exposeBoolean('livemode', {
      description: 'True in live mode, false in test mode. The data of the two modes is separate.',
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    description: 'The identity, account and mode of the API key that sends the request.',
    resolve: (_root, _args, context) => requireViewer(context),
  }),
)
