/**
 * The replicas of the installation `walls`, and what each shows to a client before any login.
 *
 * Spec: the NATS client protocol: INFO comes in plain, TLS follows on the same connection.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { walls } from "./beside.ts";
import { type Item, podsOf } from "./kube.ts";

export interface Shown {
  /** Nobody comes in without TLS. */
  readonly required: boolean;
  /** Of its certificate, checked against the authority. */
  readonly serial: string;
}

export interface NatsServer {
  /** Another one when the pod is another, or a container in it was started again. */
  readonly id: string;
  shows(ca: string): Promise<Shown>;
}

export async function natsServers(): Promise<readonly NatsServer[]> {
  const pods = await podsOf("nats", walls.namespace);
  return pods.map(({ metadata: { name, uid }, status }: Item) => {
    const restarts = (status?.containerStatuses ?? []).map(({ restartCount }) => restartCount);
    const host = `${name}.${walls.name}-nats-headless.${walls.namespace}.svc`;
    return { id: `${uid} ${restarts}`, shows: (ca) => shows(status?.podIP ?? "", host, ca) };
  });
}

async function shows(address: string, servername: string, ca: string): Promise<Shown> {
  const plain = net.connect(4222, address);
  try {
    const [first] = (await once(plain, "data", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    const info = JSON.parse(first.toString().replace(/^INFO /, "")) as { tls_required?: boolean };
    const secure = tls.connect({ socket: plain, servername, ca });
    await once(secure, "secureConnect");
    return { required: info.tls_required === true, serial: secure.getPeerCertificate().serialNumber };
  } finally {
    plain.destroy();
  }
}
