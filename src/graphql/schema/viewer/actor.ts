import type { ApiKey as ApiKeyRow } from '../../../postgres/generated/prisma/client.ts'
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
