/**
 * Certificates for tests, made by the `openssl` command at test time: none rests in the repository.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate for these names or addresses, valid for a day; trust it by giving `cert` as CA. */
export async function makeCertificate(...names: readonly [string, ...string[]]): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), "certificate-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const alternatives = names.map((name) => `${isIP(name) ? "IP" : "DNS"}:${name}`).join(",");
  const request = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "1",
  ];
  const content = ["-subj", `/CN=${names[0]}`, "-addext", `subjectAltName=${alternatives}`];
  try {
    await promisify(execFile)("openssl", [...request, ...content, "-keyout", key, "-out", cert]);
    return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface CertificateAuthority extends AsyncDisposable {
  /** Its own certificate: who trusts it trusts what it issues. */
  readonly cert: string;
  /** For these names, which may begin with `*.`; valid for a day. */
  issue(...names: readonly [string, ...string[]]): Promise<Certificate>;
}

/** Certificates that can be renewed without anybody learning to trust somebody new. */
export async function makeCertificateAuthority(): Promise<CertificateAuthority> {
  const folder = await mkdtemp(join(tmpdir(), "authority-"));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) => promisify(execFile)("openssl", args);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const [caKey, caCert] = [path("ca.key"), path("ca.crt")];
  const own = ["-days", "1", "-subj", "/CN=authority of the tests", "-keyout", caKey, "-out", caCert];
  await openssl("req", "-x509", ...newKey, ...own);
  let count = 0;
  return {
    cert: await readFile(caCert, "utf8"),
    async issue(...names) {
      const [key, request, cert] = ["key", "csr", "crt"].map((end) => path(`${count}.${end}`)) as [
        string,
        string,
        string,
      ];
      count++;
      const subject = ["-subj", `/CN=${names[0]}`, "-addext", `subjectAltName=DNS:${names.join(",DNS:")}`];
      await openssl("req", ...newKey, ...subject, "-keyout", key, "-out", request);
      const signed = ["-CA", caCert, "-CAkey", caKey, "-CAcreateserial", "-copy_extensions", "copy"];
      await openssl("x509", "-req", "-in", request, "-days", "1", ...signed, "-out", cert);
      return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
