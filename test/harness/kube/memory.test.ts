import { kubeContract } from "../../contract/kube.ts";
import { MemoryKube } from "./memory.ts";

kubeContract("memory", async () => {
  const kube = new MemoryKube();
  return {
    kube,
    namespace: "default",
    cache: (kind, selection) => kube.cache(kind, selection),
    [Symbol.asyncDispose]: async () => {},
  };
});
