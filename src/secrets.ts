/**
 * Patterns of secrets, which must not appear in log lines or error messages. They can get there in many ways: a client can
 * put its key into a path or a document, and libraries quote their input.
 */
const secrets: readonly [RegExp, string][] = [
  // The id of an API key stays, so that the key can be found in the list of keys.
  [/\b(sk_(?:test|live)_[0-9a-z]{25})[0-9a-z]{4,}/gi, '$1…'],
  [/\b(sk_(?:test|live)_)(?![0-9a-z]{25}…)[0-9a-z]{8,}/gi, '$1…'],
  // A secret without its prefix: no other logged word is this long.
  [/[0-9a-z]{52,}/gi, '…'],
  [/\b(Basic\s+)[\w+/=-]{16,}/gi, '$1…'],
  [/\b(signature=)[\w-]+/g, '$1…'],
  [/(\bpostgres(?:ql)?:\/\/[^:@/\s"]*:)[^@\s"]+@/g, '$1…@'],
]

/** Replaces secrets in a text by "…". */
export function withoutSecrets(text: string): string {
  return secrets.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text)
}
