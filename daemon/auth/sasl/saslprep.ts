/**
 * Prepares a password for SCRAM, so that what people see as the same text gives the same key.
 *
 * In:     a password as it was typed.
 * Out:    its prepared form. Text of ASCII stays as it is.
 * Spec:   RFC 4013 §2.1, §2.2 (SASLprep: mapping, NFKC), RFC 3454 tables B.1 and C.1.2. What the profile prohibits is
 *         left to fail: such a password has no verifier that a client would arrive at.
 */
/** Table C.1.2: spaces other than U+0020. */
const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** Table B.1: commonly mapped to nothing. (U+200B is in both; the mapping to a space comes first.) */
const invisible =
  /\u00ad|\u034f|\u1806|\u180b|\u180c|\u180d|\u200c|\u200d|\u2060|\ufeff|\p{Variation_Selector}/gu;

export const saslprep = (text: string): string =>
  text.replace(otherSpaces, " ").replace(invisible, "").normalize("NFKC");
