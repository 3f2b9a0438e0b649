import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHost, refuseStrangers } from "./guard.ts";

const asked = (headers: Readonly<Record<string, string>>) => ({ header: (name: string) => headers[name] });
const options = { hosts: ["console.example.org"] };

const cases = [
  [{ host: "127.0.0.1:8025" }, "heard"],
  [{ host: "localhost:8025" }, "heard"],
  [{ host: "[::1]:8025" }, "heard"],
  [{ host: "Console.Example.org" }, "heard"],
  [{}, 421],
  [{ host: "evil.example" }, 421],
  [{ host: "127.0.0.1.evil.example:8025" }, 421],
  [{ host: "evil.example:127.0.0.1" }, 421],
  [{ host: "localhost:8025", origin: "http://localhost:8025" }, "heard"],
  [{ host: "console.example.org", origin: "https://console.example.org" }, "heard"],
  [{ host: "localhost:8025", origin: "http://localhost:9999" }, 403],
  [{ host: "localhost:8025", origin: "https://evil.example" }, 403],
  [{ host: "localhost:8025", origin: "null" }, 403],
  [{ host: "localhost:8025", "sec-fetch-site": "same-origin" }, "heard"],
  [{ host: "localhost:8025", "sec-fetch-site": "none" }, "heard"],
  [{ host: "localhost:8025", "sec-fetch-site": "same-site" }, 403],
  [{ host: "localhost:8025", "sec-fetch-site": "cross-site" }, 403],
] as const;

for (const [headers, want] of cases) {
  test(`${JSON.stringify(headers)} is ${want}`, () => {
    const ask = () => refuseStrangers(asked(headers), options);
    if (want === "heard") ask();
    else assert.throws(ask, { status: want });
  });
}

test("a page may be opened from a link on another site, by a name that is ours", () => {
  checkHost(asked({ host: "localhost:8025", "sec-fetch-site": "cross-site" }), options);
  assert.throws(() => checkHost(asked({ host: "evil.example" }), options), { status: 421 });
});
