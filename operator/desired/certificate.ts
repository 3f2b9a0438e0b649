/**
 * Asks cert-manager for a MailDomain's certificate, into the Secret from which the daemons take it.
 */
import type { IssuerRef } from "../../crds/types.ts";
import type { KubeObject, OwnerReference } from "../kube/object.ts";
import type { Installation } from "./installation.ts";
import { commonLabels, object, tlsSecretName } from "./names.ts";

export interface CertificateWish {
  readonly namespace: string;
  /** Of the MailDomain. */
  readonly name: string;
  readonly hostnames: readonly string[];
  readonly issuerRef: IssuerRef;
  readonly owner?: OwnerReference | undefined;
}

export function certificate(
  installation: Installation,
  { namespace, name, hostnames, issuerRef, owner }: CertificateWish,
): KubeObject {
  const secretName = tlsSecretName(name);
  const identity = { namespace, name: secretName, labels: commonLabels(installation), owner };
  return object("cert-manager.io/v1", "Certificate", identity, {
    spec: {
      secretName,
      dnsNames: hostnames,
      issuerRef: { name: issuerRef.name, kind: issuerRef.kind, group: issuerRef.group },
      privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
      usages: ["digital signature", "server auth"],
    },
  });
}
