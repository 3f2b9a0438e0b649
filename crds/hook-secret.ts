/**
 * The secrets that sign webhooks, as a Kubernetes Secret holds them.
 *
 * In:     one secret, or two separated by white space while one replaces the other: `whsec_` and base64, or plain text.
 * Out:    `hookKeys`: the octets of each, in their order; `hookSecretFault`: what is wrong, in words that name the remedy.
 * Spec:   Standard Webhooks, "Signature scheme": 24 to 64 octets.
 */
const prefix = "whsec_";
const octetsMin = 24;
const octetsMax = 64;
const textMax = 200;
const most = 2;

export function hookKeys(value: string): readonly Buffer[] {
  return secretsIn(value).map(keyOf);
}

export function hookSecretFault(value: string): string | undefined {
  const secrets = secretsIn(value);
  if (secrets.length === 0 || secrets.length > most)
    return `holds ${secrets.length} secrets; put one there, or two separated by a space while one replaces the other`;
  const bad = secrets.find((secret) => !isGood(secret));
  if (bad === undefined) return undefined;
  return bad.startsWith(prefix)
    ? `holds a ${prefix} secret that is not base64 of ${octetsMin} to ${octetsMax} octets; make one with: echo ${prefix}$(openssl rand -base64 32)`
    : `holds a secret that is too short or too long; take ${octetsMin} to ${textMax} characters that nobody can guess`;
}

const secretsIn = (value: string): readonly string[] => value.split(/\s+/).filter(Boolean);

const keyOf = (secret: string): Buffer =>
  secret.startsWith(prefix) ? Buffer.from(secret.slice(prefix.length), "base64") : Buffer.from(secret);

function isGood(secret: string): boolean {
  const { length } = keyOf(secret);
  if (!secret.startsWith(prefix)) return length >= octetsMin && length <= textMax;
  const text = secret.slice(prefix.length);
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && length >= octetsMin && length <= octetsMax;
}
