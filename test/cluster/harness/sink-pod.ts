/**
 * Somebody else's mail server as a pod: the MX host of sink.test, by the cluster's DNS. It prints what it takes.
 */
import { untilTrue } from "../../harness/until.ts";
import { apply, field, kubectl } from "./kube.ts";
import { serveZone } from "./zones.ts";

const program = `
require("node:net").createServer((socket) => {
  let data = false, text = "", from = 0;
  const say = (line) => socket.write(line + "\\r\\n");
  socket.on("error", () => {});
  say("220 mx.sink.test ESMTP");
  socket.on("data", (octets) => {
    text += octets.toString("latin1");
    for (;;) {
      const end = text.indexOf(data ? "\\r\\n.\\r\\n" : "\\r\\n");
      if (end < 0) return;
      const part = text.slice(0, end);
      text = text.slice(end + (data ? 5 : 2));
      if (data) { console.log("TAKEN\\n" + part + "\\nEND"); data = false; say("250 2.0.0 Taken"); }
      else if (/^DATA/i.test(part)) { data = true; say("354 Go ahead"); }
      else if (/^EHLO/i.test(part)) say("250-mx.sink.test\\r\\n250 8BITMIME");
      else if (/^QUIT/i.test(part)) { say("221 2.0.0 Bye"); socket.end(); }
      else say("250 2.0.0 Fine");
    }
  });
}).listen(25, "0.0.0.0", () => console.log("listening"));
`;

export async function sinkPod(image: string): Promise<void> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "sink", namespace: "sink", labels: { app: "sink" } },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      // Port 25 without a right of root's.
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10001,
        sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
      },
      containers: [{ name: "sink", image, imagePullPolicy: "Never", command: ["node", "-e", program] }],
    },
  };
  await apply(JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "sink" } }));
  await apply(JSON.stringify(pod));
  await kubectl("wait", "-n", "sink", "pod/sink", "--for", "condition=Ready", "--timeout", "60s");
  const address = await field("{.status.podIP}", "pod", "-n", "sink", "sink");
  await serveZone("sink.test", `@ 60 IN MX 10 mx\nmx 60 IN A ${address}`);
  await untilTrue("the sink to listen", async () =>
    (await kubectl("logs", "-n", "sink", "sink")).includes("listening"),
  );
}

/** The message that it took with this field; `undefined` until then. */
export async function takenBySinkPod(field: string): Promise<string | undefined> {
  const log = await kubectl("logs", "-n", "sink", "sink");
  const taken = [...log.matchAll(/^TAKEN\n([\s\S]*?)\nEND$/gm)].map(([, text = ""]) => text);
  return taken.find((text) => text.includes(field));
}
