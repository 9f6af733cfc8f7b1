/**
 * What neither a line of the log nor the text of an error may hold, wherever it came from: a client may write its key into
 * a path or a document, and libraries quote what they were given.
 */
const secrets: readonly [RegExp, string][] = [
  // An API key keeps what finds it in the list of keys, without its secret.
  [/\b(sk_(?:test|live)_[0-9a-z]{25})[0-9a-z]{4,}/gi, '$1…'],
  [/\b(sk_(?:test|live)_)(?![0-9a-z]{25}…)[0-9a-z]{8,}/gi, '$1…'],
  // A secret on its own: nothing else that is logged has so long a word.
  [/[0-9a-z]{52,}/gi, '…'],
  [/\b(Basic\s+)[\w+/=-]{16,}/gi, '$1…'],
  [/\b(signature=)[\w-]+/g, '$1…'],
  [/(\bpostgres(?:ql)?:\/\/[^:@/\s"]*:)[^@\s"]+@/g, '$1…@'],
]

/** A text without what must not be seen. */
export function withoutSecrets(text: string): string {
  return secrets.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text)
}
