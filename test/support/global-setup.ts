import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import type { TemplateDatabases } from './template-databases.ts'
import { demoTemplate, emptyTemplate } from './templates.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where `prepareTemplate` in test/support/database.ts asks for templates. */
    templatesUrl: string
  }
}

/** One Postgres for the whole run, started when the first test asks for a template, since many files ask for none. */
async function setup(project: TestProject): Promise<() => Promise<void>> {
  let databases: Promise<TemplateDatabases> | undefined
  const server = createServer(async (request, response) => {
    const template = ([emptyTemplate, demoTemplate] as const).find((name) => request.url === `/${name}`)
    try {
      if (!template) throw new Error(`There is no template ${request.url}.`)
      databases ??= import('./template-databases.ts').then(({ openTemplateDatabases }) =>
        openTemplateDatabases(),
      )
      response.end(await (await databases).prepare(template))
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo
  project.provide('templatesUrl', `http://127.0.0.1:${port}`)
  return async () => {
    server.close()
    server.closeAllConnections()
    await (await databases)?.[Symbol.asyncDispose]()
  }
}

export { setup }
