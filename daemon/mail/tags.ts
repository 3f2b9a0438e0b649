/**
 * Tag lists, `v=DKIM1; k=rsa; p=…`: the syntax of DKIM signatures and of the records of DKIM, DMARC, MTA-STS and TLS-RPT.
 *
 * Out:    tags by name, values without outer white space; inner folding stays.
 * Fails:  `undefined` for what is no tag list, or names a tag twice.
 * Spec:   RFC 6376 §3.2.
 */
export function parseTags(text: string): ReadonlyMap<string, string> | undefined {
  const tags = new Map<string, string>();
  const parts = text.split(";");
  if (parts.at(-1)?.trim() === "") parts.pop();
  for (const part of parts) {
    const at = part.indexOf("=");
    const name = part.slice(0, at).trim();
    if (at < 0 || !/^[A-Za-z][A-Za-z0-9_]*$/.test(name) || tags.has(name)) return undefined;
    tags.set(name, part.slice(at + 1).trim());
  }
  return tags;
}
