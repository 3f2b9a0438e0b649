/**
 * Lays what a RelayPolicy asks for its pods over what the installation gives all of them.
 *
 * In:     options from the general to the special.
 * Out:    one `PodOptions`: maps are joined key by key, lists of named things by name, and what has no names (affinity,
 *         spread) is taken whole from the most special that has it. Nobody's additions are lost.
 */
import type { PodTemplate, Resources } from "../../crds/types.ts";
import { defined } from "./defined.ts";
import type { PodOptions } from "./installation.ts";

export function layPodTemplate(below: PodOptions, above: PodTemplate): PodOptions {
  const base = below.podTemplate;
  const podTemplate: PodTemplate = {
    ...base,
    ...above,
    ...defined<PodTemplate>({
      labels: joined(base.labels, above.labels),
      annotations: joined(base.annotations, above.annotations),
      nodeSelector: joined(base.nodeSelector, above.nodeSelector),
      tolerations: listed(base.tolerations, above.tolerations, (each) => JSON.stringify(each)),
      env: listed(base.env, above.env, nameOf),
      imagePullSecrets: listed(base.imagePullSecrets, above.imagePullSecrets, nameOf),
      sidecars: listed(base.sidecars, above.sidecars, nameOf),
      volumes: listed(base.volumes, above.volumes, nameOf),
    }),
  };
  return { ...below, podTemplate, resources: resourcesOf({ ...below, podTemplate }) };
}

/** What the daemon's container asks for in the end: the template's, each over what is given beside it. */
export function resourcesOf({
  resources,
  podTemplate,
}: Pick<PodOptions, "resources" | "podTemplate">): Resources {
  const above = podTemplate.resources ?? {};
  return defined<Resources>({
    requests: joined(resources.requests, above.requests),
    limits: joined(resources.limits, above.limits),
  });
}

const nameOf = ({ name }: { readonly name: string }): string => name;

type Joined<T> = Readonly<Record<string, T>> | undefined;

const joined = <T>(below: Joined<T>, above: Joined<T>): Joined<T> =>
  below || above ? { ...below, ...above } : undefined;

const listed = <T>(
  below: readonly T[] | undefined,
  above: readonly T[] | undefined,
  idOf: (item: T) => string,
): readonly T[] | undefined =>
  below || above
    ? [...new Map([...(below ?? []), ...(above ?? [])].map((item) => [idOf(item), item])).values()]
    : undefined;
