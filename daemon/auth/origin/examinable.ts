/**
 * What of a header section is shown to the verifiers: everything that may be honest, and nothing that would cost them far
 * more time than its length suggests. (They look for white space, dots and names in ways whose time grows with the square
 * of what they find, and a gateway that looks at one message for seconds serves nobody meanwhile.)
 *
 * In:     the whole section as Latin-1 text.
 * Out:    the section without signatures beyond `signatureMax` (the first ones, which are the newest, stay) and without
 *         those that no signer writes; without ARC sets where there are more than `arcMax` or one is like that; without
 *         any From field where one is like that, so that it has no author; only From fields where there are more than
 *         `linesMax` lines.
 * Fails:  never. What is left out vouches for nobody.
 */
export const signatureMax = 8;
const arcMax = 10;
const linesMax = 5_000;
const fieldOctets = 8 << 10;
/** Of fields, in `h=`. */
const namesMax = 500;
const foreignOctets = 512;

/** White space that folds nothing, a domain that cannot be: no DNS name is longer, or has an empty label. */
const oddRun = /[ \t\r\n]{256}|\.{64}|@[^ \t\r\n<>,;@]{256}/;
const anyForeign = /[\x80-\xff]/;
const signatureName = /^dkim-signature[ \t]*:/i;
const arcName = /^arc-(?:seal|message-signature|authentication-results)[ \t]*:/i;
const fromName = /^from[ \t]*:/i;

export function examinable(text: string): string {
  if (isPlain(text)) return text;
  const fields = text.split(/(?<=\n)(?=[^ \t])/);
  const authors = fields.filter((field) => fromName.test(field));
  const noAuthor = authors.some((field) => isOdd(field));
  if (text.split("\n", linesMax + 2).length > linesMax + 1) return noAuthor ? "" : authors.join("");
  const arc = fields.filter((field) => arcName.test(field));
  const noArc = arc.some(isOddSignature) || arc.length > 3 * arcMax;
  let signatures = 0;
  return fields
    .filter((field) => {
      if (signatureName.test(field)) return !isOddSignature(field) && ++signatures <= signatureMax;
      return !((noArc && arcName.test(field)) || (noAuthor && fromName.test(field)));
    })
    .join("");
}

/** Most sections: short, and with few signatures. */
const isPlain = (text: string): boolean =>
  text.length <= fieldOctets &&
  !oddRun.test(text) &&
  !anyForeign.test(text) &&
  (text.match(/^arc-/gim)?.length ?? 0) <= arcMax &&
  (text.match(/^dkim-signature[ \t]*:/gim)?.length ?? 0) <= signatureMax;

const isOdd = (field: string): boolean => field.length > fieldOctets || oddRun.test(field);

const isOddSignature = (field: string): boolean =>
  isOdd(field) ||
  field.split(":", namesMax + 2).length > namesMax + 1 ||
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is left is no ASCII
  field.replace(/[\x00-\x7f]+/g, "").length > foreignOctets;
