import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { idPrefixes, newId } from '../../src/ids.ts'
import type { Compression } from '../../src/postgres/generated/prisma/client.ts'
import { fileKey } from '../../src/storage/file.ts'
import type { TestAccount, TestGateway } from './gateway.ts'
import { insertRun } from './insert-run.ts'

export type StoredTestFile = {
  id: string
  runId: string
  filename: string
  sha256: string
  /** Path on disk. */
  path: string
  /** Returns a download link from the API. */
  link(expiresIn?: string): Promise<string>
}

/** Stores a succeeded run and its file with the given content, without a worker. */
export async function storeFile(
  { prisma, dataDir }: TestGateway,
  account: TestAccount,
  content: string | Uint8Array,
  compression: Compression = 'NONE',
  rowCount = 1n,
): Promise<StoredTestFile> {
  const bytes = Buffer.from(content)
  const createdAt = new Date()
  const run = await insertRun(prisma, account, { status: 'SUCCEEDED', rowCount, finishedAt: createdAt })
  const id = newId(idPrefixes.file, createdAt)
  const path = join(dataDir, 'files', fileKey({ ...account, id: run.id }, id))
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const filename = `${run.id}.csv`
  await prisma.reportFile.create({
    data: {
      id,
      runId: run.id,
      accountId: account.accountId,
      livemode: account.livemode,
      filename,
      format: 'CSV',
      compression,
      rowCount,
      byteSize: BigInt(bytes.length),
      sha256,
      createdAt,
    },
  })
  const link = async (expiresIn = 'PT5M'): Promise<string> => {
    const { node } = await account.client.request<{ node: { download: { url: string } } }>(
      'query ($id: ID!, $expiresIn: Duration) { node(id: $id) { ... on ReportFile { download(expiresIn: $expiresIn) { url } } } }',
      { id, expiresIn },
    )
    return node.download.url
  }
  return { id, runId: run.id, filename, sha256, path, link }
}
