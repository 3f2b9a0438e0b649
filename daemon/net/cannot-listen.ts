/** Why a listener cannot be had, in a sentence with the remedy. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EACCES: "not permitted (ports below 1024 need a privilege)",
  EADDRNOTAVAIL: "this machine has no such address",
  EAFNOSUPPORT: "this machine does not speak that kind of address",
  ENOTFOUND: "there is no such host",
};

export class CannotListen extends Error {
  override readonly name = "CannotListen";
  constructor(
    listener: string,
    { host, port }: { readonly host: string; readonly port: number },
    cause: Error,
  ) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    const at = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const why = Object.hasOwn(reasons, code) ? reasons[code] : cause.message;
    super(
      `cannot listen on ${at} for ${listener}: ${why}; choose another with --listen ${listener}=ADDRESS:PORT, or ` +
        `--listen ${listener}=off`,
      { cause },
    );
  }
}
