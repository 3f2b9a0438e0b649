/**
 * An OpenID Connect issuer on loopback: HTTPS with a certificate of its own, keys that can be rotated, tokens as they
 * are wanted.
 */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { makeCertificate } from "../../daemon/net/self-signed.ts";

export interface TestIssuer extends AsyncDisposable {
  readonly issuer: string;
  /** PEM, to trust. */
  readonly ca: string;
  /** Documents served so far, by path. */
  readonly served: string[];
  /** Answers nothing but 503 while it is true. */
  away: boolean;
  /** A new key; tokens from now on are signed with it, and the old one is withdrawn. */
  rotate(): Promise<void>;
  token(claims?: JWTPayload & { readonly lifetime?: number }): Promise<string>;
}

export async function startIssuer(now: () => number = Date.now): Promise<TestIssuer> {
  const { cert, key } = makeCertificate(["localhost", "127.0.0.1"], Date.now());
  const served: string[] = [];
  let signing: {
    readonly kid: string;
    readonly secret: Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];
    readonly jwk: JWK;
  };
  let generation = 0;
  const rotate = async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const kid = `key-${++generation}`;
    signing = { kid, secret: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256" } };
  };
  await rotate();
  const self = { issuer: "", away: false };
  const server = createServer({ cert, key }, (request, response) => {
    served.push(request.url ?? "");
    const found = documentOf(request.url, self.issuer, signing.jwk);
    response.writeHead(self.away ? 503 : found ? 200 : 404, { "content-type": "application/json" });
    response.end(self.away || !found ? "" : JSON.stringify(found));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  self.issuer = `https://localhost:${(server.address() as AddressInfo).port}/realm`;
  return Object.assign(self, {
    ca: cert,
    served,
    rotate,
    token: ({ lifetime = 300, ...claims }: JWTPayload & { readonly lifetime?: number } = {}) => {
      const seconds = Math.floor(now() / 1000);
      const end = Number.isFinite(lifetime) ? { exp: seconds + lifetime } : {};
      const payload = { iss: self.issuer, aud: "mail", iat: seconds, ...end, ...claims };
      const { kid, secret } = signing;
      return new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt" }).sign(secret);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function documentOf(path: string | undefined, issuer: string, key: JWK): object | undefined {
  if (path === "/realm/.well-known/openid-configuration") return { issuer, jwks_uri: `${issuer}/keys` };
  return path === "/realm/keys" ? { keys: [key] } : undefined;
}
