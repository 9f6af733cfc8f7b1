import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Prisma } from '../postgres/client.ts'
import type { ReportFile } from '../postgres/generated/prisma/client.ts'

export type SignedLink = { url: string; expiresAt: Date }

export type FileLinks = {
  /**
   * Returns a link to the file that needs no other authorization. It expires at `expiresAt`: `at` rounded up to a
   * second, or earlier when the signing credentials expire before that.
   */
  link(file: ReportFile, at: Date): Promise<SignedLink>
}

const keyId = 'downloads'

export type LinkSigner = Awaited<ReturnType<typeof createLinkSigner>>

/**
 * Signs and verifies download links of this gateway.
 *
 * @param publicUrl public URL of this gateway, without a trailing slash
 */
export async function createLinkSigner(prisma: Prisma, publicUrl: string) {
  const secret = await loadSecret(prisma)
  const signature = (fileId: string, expires: string): string =>
    createHmac('sha256', secret).update(`${fileId}.${expires}`).digest('base64url')

  return {
    /** Returns a link to a file; see `FileLinks`. */
    sign: (fileId: string, at: Date): SignedLink => {
      const expires = Math.ceil(at.getTime() / 1000)
      const query = new URLSearchParams({
        expires: String(expires),
        signature: signature(fileId, String(expires)),
      })
      return { url: `${publicUrl}/files/${fileId}?${query}`, expiresAt: new Date(expires * 1000) }
    },
    /** Returns a message for the user when a link is not valid; null when it is valid. */
    fault: (fileId: string, query: URLSearchParams, now: Date): string | null => {
      const expires = query.get('expires') ?? ''
      const expected = Buffer.from(signature(fileId, expires))
      const given = Buffer.from(query.get('signature') ?? '')
      const isSigned = given.length === expected.length && timingSafeEqual(given, expected)
      if (isSigned && Number(expires) * 1000 > now.getTime()) return null
      const why = isSigned ? 'has expired' : 'is incomplete or was changed'
      return `This link ${why}. Request a new one from the API: result { files { download { url } } }.`
    },
  }
}

/** Returns the signing secret of this database. The first process creates it. */
async function loadSecret(prisma: Prisma): Promise<Uint8Array> {
  await prisma.linkSigningKey.createMany({
    data: { id: keyId, secret: new Uint8Array(randomBytes(32)) },
    skipDuplicates: true,
  })
  const { secret } = await prisma.linkSigningKey.findUniqueOrThrow({ where: { id: keyId } })
  return secret
}
