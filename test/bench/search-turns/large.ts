/**
 * Messages that take long to look through, each in another way.
 */
const filler = "what nobody looks for, said again and again; ";

const base64 = (octets: number): string =>
  Buffer.from(filler.repeat(Math.ceil(octets / 60)))
    .toString("base64")
    .replace(/.{76}/g, "$&\r\n");

const texts: Readonly<Record<string, () => string>> = {
  "25 MB of base64": () =>
    `Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${base64(25e6)}\r\n`,
  "8 MB of quoted-printable in gb18030": () =>
    `Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain; charset=gb18030\r\n\r\n${"=C4=E3=BA=C3 and so on and on, in long lines of text that go on\r\n".repeat(120_000)}`,
  "a header of 5 MB in many fields": () =>
    `${"X-Note: =?utf-8?Q?something_that_must_be_decoded?= and more\r\n".repeat(85_000)}\r\ntext\r\n`,
  "a header field of 2 MB": () => `X-Long: ${"=?utf-8?B?d29yZHM=?=\r\n ".repeat(90_000)}end\r\n\r\ntext\r\n`,
};

export const largeMail = (): Readonly<Record<string, Buffer>> =>
  Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      Buffer.from(`Subject: large\r\nMIME-Version: 1.0\r\n${text()}`),
    ]),
  );
