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

const keyId = 'downloads'

export type LinkSigner = Awaited<ReturnType<typeof createLinkSigner>>

/**
 * Makes and checks the links that lead to this gateway.
 *
 * @param publicUrl where clients reach this gateway, without a slash at the end
 */
export async function createLinkSigner(prisma: Prisma, publicUrl: string) {
  const secret = await loadSecret(prisma)
  const signature = (fileId: string, expires: string): string =>
    createHmac('sha256', secret).update(`${fileId}.${expires}`).digest('base64url')

  return {
    /** As `FileLinks` has it. */
    sign: (fileId: string, at: Date): SignedLink => {
      const expires = Math.ceil(at.getTime() / 1000)
      const query = new URLSearchParams({
        expires: String(expires),
        signature: signature(fileId, String(expires)),
      })
      return { url: `${publicUrl}/files/${fileId}?${query}`, expiresAt: new Date(expires * 1000) }
    },
    /** What is wrong with a link, as a sentence for people; null when it is good. */
    fault: (fileId: string, query: URLSearchParams, now: Date): string | null => {
      const expires = query.get('expires') ?? ''
      const expected = Buffer.from(signature(fileId, expires))
      const given = Buffer.from(query.get('signature') ?? '')
      const isSigned = given.length === expected.length && timingSafeEqual(given, expected)
      if (isSigned && Number(expires) * 1000 > now.getTime()) return null
      const why = isSigned ? 'has expired' : 'is not complete, or was changed'
      return `This link ${why}. Ask the API for a new one: result { files { download { url } } }.`
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
