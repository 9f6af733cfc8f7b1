const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A new id of the object kind that `prefix` names, made at that moment. */
export type NewDemoId = (prefix: string, at: Date) => string

/**
 * Ids in the shape of Stripe's: prefix, creation time in seconds, a mark of the mode, and a serial number that a
 * multiplication by an odd constant modulo 2^32 scrambles. That maps no two numbers to one, so ids need no check for
 * duplicates; the mark keeps test and live apart.
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
