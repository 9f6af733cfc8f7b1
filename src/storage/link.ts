import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Prisma } from '../postgres/client.ts'
import type { ReportFile } from '../postgres/generated/prisma/client.ts'

export type SignedLink = { url: string; expiresAt: Date }

export type FileLinks = {
  /**
   * A link to the file that works without any other proof until `expiresAt`, which is `at` rounded up to a second; earlier
   * when what it is signed with expires before that.
   */
  link(file: ReportFile, at: Date): Promise<SignedLink>
}

/** Makes and checks the links that lead to this gateway. */
export type LinkSigner = {
  /** As `FileLinks` has it. */
  sign(fileId: string, at: Date): SignedLink
  /** What is wrong with a link, as a sentence for people; null when it is good. */
  fault(fileId: string, query: URLSearchParams, now: Date): string | null
}

const keyId = 'downloads'

/** @param publicUrl where clients reach this gateway, without a slash at the end */
export async function createLinkSigner(prisma: Prisma, publicUrl: string): Promise<LinkSigner> {
  const secret = await loadSecret(prisma)
  const signature = (fileId: string, expires: string): string =>
    createHmac('sha256', secret).update(`${fileId}.${expires}`).digest('base64url')

  const isGood = (fileId: string, expires: string, given: string): boolean => {
    const [expected, actual] = [Buffer.from(signature(fileId, expires)), Buffer.from(given)]
    return actual.length === expected.length && timingSafeEqual(actual, expected)
  }

  return {
    sign: (fileId, at) => {
      const expires = Math.ceil(at.getTime() / 1000)
      const query = new URLSearchParams({
        expires: String(expires),
        signature: signature(fileId, String(expires)),
      })
      return { url: `${publicUrl}/files/${fileId}?${query}`, expiresAt: new Date(expires * 1000) }
    },
    fault: (fileId, query, now) => {
      const expires = query.get('expires') ?? ''
      if (!isGood(fileId, expires, query.get('signature') ?? '')) {
        return 'This link is not complete, or was changed. Ask the API for a new one: result { files { download { url } } }.'
      }
      if (Number(expires) * 1000 <= now.getTime()) {
        return 'This link has expired. Ask the API for a new one: result { files { download { url } } }.'
      }
      return null
    },
  }
}

/** The signing secret of this database; made by whichever process comes first. */
async function loadSecret(prisma: Prisma): Promise<Uint8Array> {
  await prisma.linkSigningKey.createMany({
    data: { id: keyId, secret: new Uint8Array(randomBytes(32)) },
    skipDuplicates: true,
  })
  const { secret } = await prisma.linkSigningKey.findUniqueOrThrow({ where: { id: keyId } })
  return secret
}
