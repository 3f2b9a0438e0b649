/**
 * How the replicas of the included NATS find and trust each other: what nats.conf includes inside of `cluster { … }`.
 *
 * In:     where they are, `HOST:PORT`, and a password that only they and the operator know.
 * Out:    text of `routes.conf`; without hosts (a single replica) nothing is in it.
 */
export function routesConf(hosts: readonly string[], password: string): string {
  if (hosts.length === 0) return "";
  if (!/^[0-9A-Za-z_-]+$/.test(password))
    throw new RangeError("the password of the routes must fit into a URL");
  const urls = hosts.map((host) => `  "nats://routes:${password}@${host}"\n`);
  return `authorization {user: routes, password: "${password}", timeout: 5}\nroutes: [\n${urls.join("")}]\n`;
}
