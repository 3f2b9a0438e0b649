/**
 * Tells a password in plain text from a hash.
 *
 * In:     the value that a Secret holds.
 * Out:    `plain` or `hash`; `passwordFault` gives the sentence for what is neither.
 * Spec:   PHC string format, argon2id (RFC 9106).
 */
const argon2id =
  /^\$argon2id\$v=19\$m=[1-9][0-9]{0,6},t=[1-9][0-9]{0,2},p=[1-9][0-9]{0,2}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}$/;
/** crypt(3) and LDAP styles: `$2y$…`, `$6$…`, `$argon2i$…`, `{SSHA}…`. */
const otherHash = /^(?:\$[0-9a-z-]{1,12}\$.*\$|\$2[abxy]\$\d\d\$|\{[A-Z0-9.-]+\}[^ ]{8})/;

export const passwordKind = (value: string): "plain" | "hash" =>
  value.startsWith("$argon2id$") ? "hash" : "plain";

export function passwordFault(value: string): string | undefined {
  if (value.startsWith("$argon2id$")) {
    if (argon2id.test(value)) return undefined;
    return "the Secret holds a damaged argon2id hash; write $argon2id$v=19$m=…,t=…,p=…$salt$hash, or the password itself";
  }
  if (!otherHash.test(value)) return undefined;
  return "the Secret holds a hash of a kind that cannot be checked; use argon2id, or the password itself";
}
