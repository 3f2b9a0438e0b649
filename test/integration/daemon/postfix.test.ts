/**
 * A real Postfix as next hop, with STARTTLS and DSN, and as a client that relays through us.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { aDomain, aMailbox, aPolicy, manifest } from "../../harness/manifest.ts";
import { noPostfix, type Postfix, startPostfix } from "../../harness/postfix.ts";
import { submit } from "../../harness/submit.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { openWorld, type World } from "../../harness/world.ts";

const documents = (port?: number) => [
  aDomain("home.example"),
  aMailbox("ann@home.example"),
  aPolicy({
    acceptFrom: { cidrs: ["127.0.0.1/32"] },
    retry: { initial: "1s", factor: 1, max: "1s", expireAfter: "1h", delayNoticeAfter: "0s" },
    destinations:
      port === undefined
        ? []
        : [
            {
              match: "postfix.example",
              route: { smarthost: { host: "127.0.0.1", port, tls: "Opportunistic" } },
            },
          ],
  }),
];

describe("Postfix", { skip: noPostfix }, () => {
  let world: World;
  let postfix: Postfix;
  before(async () => {
    world = await openWorld({
      documents: documents(),
      hops: { "127.0.0.2": {} },
      zone: { "far.example": ["A 127.0.0.2"] },
    });
    postfix = await startPostfix(world.fleet.port("smtp"));
    await world.fleet.rewrite(manifest(documents(postfix.port)));
    await untilTrue("the route", () => world.fleet.log.includes('"revision":2'));
  });
  after(async () => {
    await postfix?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });
  const letter = (name: string, mark: string) =>
    until(`${mark} at Postfix`, async () => (await postfix.mail(name)).find((text) => text.includes(mark)));

  test("as next hop: by STARTTLS, whole, leading dots and 8 bit included", async () => {
    const text = "Subject: mark-one\n\n.\n..\n.dot\ngrüße\n\nend";
    const id = await world.submit({ to: "ann@postfix.example", mail: "BODY=8BITMIME", text });
    await world.observer.settled(id);
    const came = await letter("ann", "mark-one");
    assert.match(came, /using TLSv1\.3 with cipher/);
    assert.ok(came.endsWith("\n\n.\n..\n.dot\ngrüße\n\nend\n"), came);
  });

  test("as next hop: an unknown user is reported to the sender with its words", async () => {
    await world.submit({ from: "ann@home.example", to: "nobody@postfix.example" });
    const report = await world.observer.mailWith("ann@home.example", "nobody@postfix.example");
    assert.match(report, /\r\nStatus: 5\.1\.1\r\n/);
    assert.match(report, /User unknown/i);
  });

  test("as next hop with DSN: it sends the success report itself, through us, to the sender's mailbox", async () => {
    await world.submit({
      ...{ from: "ann@home.example", to: "bob@postfix.example", text: "mark-dsn" },
      ...{ mail: "RET=HDRS ENVID=our+2Did", rcpt: "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@old.example" },
    });
    const report = await world.observer.mailWith("ann@home.example", "bob@postfix.example");
    assert.match(report, /\r\nReporting-MTA: dns; mx\.postfix\.example\r\n/);
    assert.match(report, /\r\nOriginal-Envelope-Id: our-id\r\n/);
    assert.match(report, /\r\nOriginal-Recipient: rfc822; ?bob@old\.example\r\n/);
    assert.match(report, /\r\nAction: delivered\r\n/);
  });

  test("as next hop: many messages over few connections", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 50; i++)
      ids.push(await world.submit({ to: "bob@postfix.example", text: `mark-many-${i}.` }));
    for (const id of ids) await world.observer.settled(id);
    await untilTrue("all of them", async () => {
      const all = (await postfix.mail("bob")).join("\n");
      return ids.every((_, i) => all.includes(`mark-many-${i}.`));
    });
    const connects = (await postfix.log()).match(/smtpd\[\d+\]: connect from/g) ?? [];
    assert.ok(connects.length < 50, `${connects.length} connections`);
  });

  test("as client: what it relays through us, by STARTTLS, is delivered here and elsewhere", async () => {
    const mail = {
      from: "bob@postfix.example",
      to: ["x@far.example", "ann@home.example"],
      text: "mark-relayed",
    };
    await submit(postfix.port, mail);
    const here = await world.observer.mailWith("ann@home.example", "mark-relayed");
    assert.match(here, /\r\nReceived: from mx\.postfix\.example .* by mx\.fleet\.example\s+with\s+ESMTPS /);
    await untilTrue("the other", () =>
      world.hop("127.0.0.2").messages.some(({ octets }) => octets.includes("mark-relayed")),
    );
  });
});
