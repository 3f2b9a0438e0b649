/**
 * The Services by which clients and other servers reach the daemons.
 *
 * Out:    one per protocol that is enabled. What the installation does not set is left to the API server, and to whoever
 *         sets it by hand.
 */
import type { KubeObject } from "../kube/object.ts";
import { defined } from "./defined.ts";
import type { SetPlace } from "./deployment.ts";
import type { Installation, ServiceName, ServiceOptions, SetComponent } from "./installation.ts";
import { commonLabels, componentLabel, object, selectorOf, serviceName } from "./names.ts";
import { portsOfService, servicesOf } from "./ports.ts";

export const setServices = (
  installation: Installation,
  component: SetComponent,
  place: SetPlace,
): readonly KubeObject[] =>
  servicesOf[component]
    .filter((name) => installation.services[name].enabled)
    .map((name) => service(installation, component, name, place));

function service(
  installation: Installation,
  component: SetComponent,
  name: ServiceName,
  { namespace, owner }: SetPlace,
): KubeObject {
  const options = installation.services[name];
  const identity = {
    namespace,
    name: serviceName(installation, name),
    labels: { ...commonLabels(installation), [componentLabel]: component },
    annotations: options.annotations,
    owner,
  };
  return object("v1", "Service", identity, {
    spec: {
      type: options.type,
      ipFamilyPolicy: "PreferDualStack",
      selector: selectorOf(installation, component),
      ports: portsOfService[name].map(({ name: port, servicePort }) => ({
        name: port,
        port: servicePort,
        protocol: "TCP",
        targetPort: port,
        ...(options.type === "ClusterIP" ? {} : nodePort(options, port)),
      })),
      ...(options.type === "ClusterIP" ? {} : { externalTrafficPolicy: options.externalTrafficPolicy }),
      ...(options.type === "LoadBalancer" ? balancer(options) : {}),
    },
  });
}

const nodePort = ({ nodePorts }: ServiceOptions, port: string) =>
  nodePorts[port] === undefined ? {} : { nodePort: nodePorts[port] };

const balancer = ({ loadBalancerClass, loadBalancerIP, loadBalancerSourceRanges: ranges }: ServiceOptions) =>
  defined({
    loadBalancerClass,
    loadBalancerIP,
    loadBalancerSourceRanges: ranges.length === 0 ? undefined : ranges,
  });
