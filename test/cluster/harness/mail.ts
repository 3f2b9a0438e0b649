/**
 * Mail programs of others: swaks sends, imapflow reads.
 */
import { ImapFlow } from "imapflow";
import { until, untilTrue } from "../../harness/until.ts";
import { apply, field, kubectl } from "./kube.ts";
import { tool } from "./tools.ts";

/** What was said in the session. `server`: HOST:PORT. */
export const swaks = (server: string, ...more: readonly string[]): Promise<string> =>
  tool(["swaks", "--server", server, "--ehlo", "client.test", ...more]);

/** From a pod that has this machine's programs: the image is of the same Debian. */
export async function swaksFromPod(
  image: string,
  server: string,
  ...more: readonly string[]
): Promise<string> {
  const pod = ["pod", "client", "-n", "default"];
  const container = {
    name: "swaks",
    image,
    imagePullPolicy: "Never",
    command: ["swaks", "--server", server, "--ehlo", "client.test", ...more],
    volumeMounts: [{ name: "usr", mountPath: "/usr", readOnly: true }],
  };
  await apply(
    JSON.stringify({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "client", namespace: "default" },
      spec: {
        restartPolicy: "Never",
        containers: [container],
        volumes: [{ name: "usr", hostPath: { path: "/usr" } }],
      },
    }),
  );
  await untilTrue("swaks to end", async () =>
    /Succeeded|Failed/.test(await field("{.status.phase}", ...pod)),
  );
  const said = await kubectl("logs", "-n", "default", "client");
  await kubectl("delete", ...pod, "--wait=false");
  return said;
}

/** With a login, by STARTTLS. */
export const submit = (server: string, login: Login, ...more: readonly string[]): Promise<string> =>
  swaks(
    server,
    ...["--tls", "--auth", "PLAIN", "--auth-user", login.user, "--auth-password", login.password],
    ...["--from", login.user, ...more],
  );

/** The id that the client was told. */
export function queuedAs(said: string): string {
  const id = /250 2\.\d\.\d .*queued as (\S+)/.exec(said)?.[1];
  if (id === undefined) throw new Error(`nothing was queued:\n${said}`);
  return id;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** How many messages of INBOX have this subject, once there is one. */
export async function readByImap(
  host: string,
  port: number,
  { user, password }: Login,
  subject: string,
): Promise<number> {
  const client = new ImapFlow({
    host,
    port,
    secure: false,
    tls: { rejectUnauthorized: false },
    auth: { user, pass: password },
    logger: false,
  });
  await client.connect();
  try {
    await client.mailboxOpen("INBOX");
    const found = await until(`the mail "${subject}"`, async () => {
      const list = await client.search({ header: { subject } });
      return list && list.length > 0 ? list : undefined;
    });
    return found.length;
  } finally {
    await client.logout();
  }
}
