/**
 * Outgoing connections: the client's `Dial` port on the operating system's sockets.
 *
 * In:     an IP address and port, a source address; or a connected socket to put TLS on.
 * Out:    streams without Nagle's delay: the client writes whole groups, so waiting to join them only costs time.
 * Fails:  with the system's error, the TLS library's, or the signal's reason; the socket is destroyed then.
 * Spec:   RFC 7435 (opportunistic security), RFC 6125 §6.4 (names in certificates), RFC 6066 §3 (SNI: no addresses).
 */
import type { X509Certificate } from "node:crypto";
import net from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { proves } from "../mail/tlsa.ts";
import type { Dial, DialTarget, Secured, TlsOptions } from "../smtp/client/dial.ts";

/** Resolves on the stream's `ready` event; whatever comes first instead destroys it and rejects. */
export function opened<T extends Duplex>(socket: T, ready: string, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const settle = (error?: Error) => {
      signal.removeEventListener("abort", onAbort);
      socket.off(ready, onReady).off("error", settle).off("close", onClose);
      if (!error) return resolve(socket);
      socket.on("error", () => {}); // destroying may raise another one
      socket.destroy();
      reject(error);
    };
    const onReady = () => settle();
    const onClose = () => settle(new Error("the connection was closed"));
    const onAbort = () =>
      settle(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    socket.on(ready, onReady).on("error", settle).on("close", onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

function connect({ address, port, source }: DialTarget, signal: AbortSignal): Promise<Duplex> {
  const socket = net.connect({
    host: address,
    port,
    noDelay: true,
    keepAlive: true,
    ...(source === undefined ? {} : { localAddress: source }),
  });
  return opened(socket, "connect", signal);
}

/** Making a TLS context costs a millisecond; there are few trust settings, so each is made once. */
const contexts = new Map<string, tls.SecureContext>();
const contextsMax = 64;

function contextFor(ca: string | undefined): tls.SecureContext {
  const key = ca ?? "";
  const known = contexts.get(key);
  if (known) return known;
  if (contexts.size >= contextsMax) contexts.clear();
  const context = tls.createSecureContext(ca === undefined ? {} : { ca });
  contexts.set(key, context);
  return context;
}

async function secure(socket: Duplex, options: TlsOptions, signal: AbortSignal): Promise<Secured> {
  const { servername, verify, ca, dane } = options;
  const secured = tls.connect({
    socket,
    secureContext: contextFor(ca),
    rejectUnauthorized: verify,
    // The name to prove is `host` when there is no SNI.
    host: servername,
    ...(net.isIP(servername) === 0 ? { servername } : {}),
  });
  try {
    await opened(secured, "secureConnect", signal);
    if (dane && !proves(dane, chainOf(secured), servername, Date.now()))
      throw Object.assign(new Error("no TLSA record of the host vouches for its certificate (DANE)"), {
        code: "ERR_DANE",
      });
  } catch (error) {
    secured.destroy();
    socket.destroy();
    throw error;
  }
  // Node keeps the code where it says that it keeps the error.
  const unproven = secured.authorizationError as unknown;
  const authorized = secured.authorized || dane !== undefined;
  const facts = {
    protocol: secured.getProtocol() ?? "unknown",
    cipher: secured.getCipher().name,
    authorized,
    ...(authorized || typeof unproven !== "string" ? {} : { unproven }),
  };
  return { socket: secured, facts };
}

/** As the server sent it, its own certificate first. */
function chainOf(socket: tls.TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (
    let next = socket.getPeerX509Certificate();
    next && chain.length < chainMax;
    next = next.issuerCertificate
  )
    chain.push(next);
  return chain;
}
const chainMax = 10;

export const dial: Dial = { connect, secure };
