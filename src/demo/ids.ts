const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Returns a new id with the given prefix and creation time. */
export type NewDemoId = (prefix: string, at: Date) => string

/**
 * Creates a generator of ids in Stripe's form: prefix, creation time in seconds, a mark of the mode, and a scrambled
 * serial number. Scrambling multiplies by an odd constant modulo 2^32, which is a bijection, so ids are unique without
 * a check. The mark separates test and live ids.
 */
export function createDemoIds(seed: number, livemode: boolean): NewDemoId {
  const mark = livemode ? 'LiveAcorn0' : 'TestAcorn0'
  let serial = seed
  return (prefix, at) => {
    serial = (serial + 1) >>> 0
    const scrambled = Math.imul(serial, 0x9e3779b1) >>> 0
    return `${prefix}_1${base62(at.getTime() / 1000, 6)}${mark}${base62(scrambled, 7)}`
  }
}

function base62(value: number, length: number): string {
  let rest = value
  let text = ''
  for (let i = 0; i < length; i++) {
    text = digits.charAt(rest % 62) + text
    rest = Math.floor(rest / 62)
  }
  return text
}
