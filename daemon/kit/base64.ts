/**
 * Base64 as protocols want it: padded, nothing else between. `Buffer.from` passes over whatever it does not know, so
 * that two texts would stand for the same octets.
 *
 * Spec: RFC 4648 §3.3, §4.
 */
const shape = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export const decodeBase64 = (text: string): Buffer | undefined =>
  shape.test(text) ? Buffer.from(text, "base64") : undefined;
