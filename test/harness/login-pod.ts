/**
 * A process that counts failed logins as a pod does: fails as often as it is told. For `login-events.test.ts`.
 */
import { Guard } from "../../daemon/auth/guard.ts";
import { silent } from "../../daemon/kit/log.ts";
import { connectNats } from "../../daemon/nats/connect.ts";
import { LoginEvents } from "../../daemon/nats/login-events.ts";

const [url = "", user = "", password = "", group = "", key = ""] = process.argv.slice(2);
const link = await connectNats(
  { servers: [url], credential: { kind: "password", user, password }, name: "other" },
  silent,
);
const guard = new Guard(Buffer.from(key, "hex"), Date.now);
await new LoginEvents({ link, guard, group, replicas: 1, now: Date.now, log: silent }).start();
process.on("message", ({ fail }: { readonly fail: number }) => {
  for (let i = 0; i < fail; i++) guard.failed(guard.place("alice@example.test", `198.51.100.${i}`));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
