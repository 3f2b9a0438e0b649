/** The parts of a multipart message that a test has made or received, without nesting. */
export interface MimePart {
  readonly head: string;
  readonly body: string;
}

export function partsOf(message: string): readonly MimePart[] {
  const boundary = /boundary="([^"]+)"/.exec(message)?.[1] ?? "";
  const pieces = message.split(`\r\n--${boundary}`).slice(1);
  return pieces.flatMap((piece) => {
    const at = piece.indexOf("\r\n\r\n");
    return piece.startsWith("--") || at < 0 ? [] : [{ head: piece.slice(2, at), body: piece.slice(at + 4) }];
  });
}
