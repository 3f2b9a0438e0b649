/** The client's side of SCRAM-SHA-256, for tests, and whether a verifier is of a password. */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { deriveVerifier } from "../../daemon/auth/sasl/scram-keys.ts";
import type { ScramVerifier } from "../../daemon/kit/scram-verifier.ts";

export async function fitsVerifier(password: string, verifier: ScramVerifier): Promise<boolean> {
  const { storedKey } = await deriveVerifier(password, verifier.iterations, verifier.salt);
  return storedKey.equals(verifier.storedKey);
}

export interface ScramLogin {
  readonly name: string;
  readonly password: string;
  readonly nonce?: string;
  /** `n,,`, `y,,` or `p=tls-exporter,,`; may hold an identity. */
  readonly header?: string;
  readonly binding?: Buffer;
}

const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();

export class ScramClient {
  readonly #login: ScramLogin;
  readonly #header: string;
  readonly #bare: string;
  #signature = "";

  constructor(login: ScramLogin) {
    this.#login = login;
    this.#header = login.header ?? "n,,";
    const name = login.name.replaceAll("=", "=3D").replaceAll(",", "=2C");
    this.#bare = `n=${name},r=${login.nonce ?? "fyko+d2lbbFgONRv9qkxdawL"}`;
  }

  first(): Buffer {
    return Buffer.from(this.#header + this.#bare);
  }

  final(serverFirst: string): Buffer {
    const [, nonce = "", salt = "", iterations = ""] =
      /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
    const salted = pbkdf2Sync(
      this.#login.password,
      Buffer.from(salt, "base64"),
      Number(iterations),
      32,
      "sha256",
    );
    const clientKey = hmac(salted, "Client Key");
    const channel = Buffer.concat([Buffer.from(this.#header), this.#login.binding ?? Buffer.alloc(0)]);
    const bare = `c=${channel.toString("base64")},r=${nonce}`;
    const message = `${this.#bare},${serverFirst},${bare}`;
    const signature = hmac(createHash("sha256").update(clientKey).digest(), message);
    const proof = Buffer.from(clientKey.map((octet, i) => octet ^ (signature[i] ?? 0)));
    this.#signature = `v=${hmac(hmac(salted, "Server Key"), message).toString("base64")}`;
    return Buffer.from(`${bare},p=${proof.toString("base64")}`);
  }

  /** The server has shown that it knows the password too. */
  trusts(serverFinal: string): boolean {
    return serverFinal === this.#signature;
  }
}
