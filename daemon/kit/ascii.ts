/**
 * Whether text is ASCII, which many grammars of mail stop at.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
const ascii = /^[\x00-\x7f]*$/;

export const isAscii = (text: string): boolean => ascii.test(text);
