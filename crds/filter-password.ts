/**
 * The password that a content filter asks for, as a Kubernetes Secret holds it.
 *
 * Out:    what is wrong, in words that name the remedy; or `undefined`.
 * Why:    it travels in a header of HTTP, which has neither control characters nor spaces at its ends.
 * Spec:   RFC 9110 §5.5 (field values).
 */
const octetsMax = 512;

export function filterPasswordFault(value: string): string | undefined {
  if (/\p{Cc}/u.test(value) || value.trim() !== value)
    return "holds a line end, a control character or a space at an end, which no header can carry; put the password alone there";
  if (/^\$\d\$[a-z0-9]+\$[a-z0-9]+$/.test(value))
    return "holds the hash that rspamadm pw made, which only rspamd's own configuration wants; put the password itself there";
  return Buffer.byteLength(value) > octetsMax
    ? `holds more than ${octetsMax} octets; put a shorter password there`
    : undefined;
}
