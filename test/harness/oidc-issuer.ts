/**
 * An OpenID Connect issuer on loopback: HTTPS with a certificate of its own, keys that can be rotated, tokens as they
 * are wanted; and a provider where whoever comes to log in is `person` at once.
 */
import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
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
  /** Who logs in here: claims of the id token. */
  person: JWTPayload;
  /** What a client must show for a code; absent: nothing. */
  clientSecret: string | undefined;
  /** The code that was given last. */
  lastCode(): string;
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
  const self = {
    issuer: "",
    away: false,
    person: { sub: "somebody" } as JWTPayload,
    clientSecret: undefined as string | undefined,
  };
  const codes = new Map<string, URLSearchParams>();
  const sign = (payload: JWTPayload) => {
    const { kid, secret } = signing;
    return new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt" }).sign(secret);
  };
  const server = createServer({ cert, key }, (request, response) => {
    served.push(request.url ?? "");
    const url = new URL(request.url ?? "/", self.issuer);
    if (url.pathname === "/realm/authorize") return sendBack(url.searchParams, codes, response);
    if (url.pathname === "/realm/token") {
      const idToken = (asked: URLSearchParams) => {
        const seconds = Math.floor(now() / 1000);
        const whose = { iss: self.issuer, aud: asked.get("client_id") ?? "", nonce: asked.get("nonce") };
        return sign({ ...whose, iat: seconds, exp: seconds + 300, ...self.person });
      };
      return void exchange(request, response, codes, self.clientSecret, idToken);
    }
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
    lastCode: () => [...codes.keys()].at(-1) ?? "",
    token: ({ lifetime = 300, ...claims }: JWTPayload & { readonly lifetime?: number } = {}) => {
      const seconds = Math.floor(now() / 1000);
      const end = Number.isFinite(lifetime) ? { exp: seconds + lifetime } : {};
      const payload = { iss: self.issuer, aud: "mail", iat: seconds, ...end, ...claims };
      return sign(payload);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function documentOf(path: string | undefined, issuer: string, key: JWK): object | undefined {
  if (path === "/realm/.well-known/openid-configuration") {
    const endpoints = { authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token` };
    return { issuer, jwks_uri: `${issuer}/keys`, ...endpoints };
  }
  return path === "/realm/keys" ? { keys: [key] } : undefined;
}

/** RFC 6749 §4.1.2 */
function sendBack(
  asked: URLSearchParams,
  codes: Map<string, URLSearchParams>,
  response: ServerResponse,
): void {
  const code = randomUUID();
  codes.set(code, asked);
  const back = new URL(asked.get("redirect_uri") ?? "");
  back.searchParams.set("code", code);
  back.searchParams.set("state", asked.get("state") ?? "");
  response.writeHead(302, { location: back.href }).end();
}

/** RFC 6749 §4.1.3, RFC 7636 §4.6: a code works once, for the client, address and verifier that it was asked with. */
async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  codes: Map<string, URLSearchParams>,
  secret: string | undefined,
  idToken: (asked: URLSearchParams) => Promise<string>,
): Promise<void> {
  let text = "";
  for await (const piece of request) text += piece;
  const form = new URLSearchParams(text);
  const asked = codes.get(form.get("code") ?? "");
  codes.delete(form.get("code") ?? "");
  const digest = createHash("sha256")
    .update(form.get("code_verifier") ?? "")
    .digest("base64url");
  const client = asked?.get("client_id") ?? "";
  const shown = request.headers.authorization;
  const known =
    secret === undefined
      ? form.get("client_id") === client
      : shown === `Basic ${Buffer.from(`${client}:${encodeURIComponent(secret)}`).toString("base64")}`;
  const right =
    asked !== undefined &&
    known &&
    form.get("redirect_uri") === asked.get("redirect_uri") &&
    digest === asked.get("code_challenge");
  response.writeHead(right ? 200 : 400, { "content-type": "application/json" });
  response.end(JSON.stringify(right ? { id_token: await idToken(asked) } : { error: "invalid_grant" }));
}
