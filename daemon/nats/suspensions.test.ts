/** Suspensions in memory: what is in force is found by policy and site, and by nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SiteLabel } from "../deliver/route/types.ts";
import type { PolicyName } from "../queue/job.ts";
import { type Suspension, SuspensionBook } from "./suspensions.ts";

const policy = "shop/default" as PolicyName;
const site = "mx.example.org" as SiteLabel;
const encoded = Buffer.from(site).toString("base64url");
const said = (over: Partial<Suspension> = {}): Suspension => ({ policy, since: 1, reason: "", ...over });

test("a policy and its sites are suspended apart from each other, until each goes on", () => {
  const book = new SuspensionBook();
  book.hear("own.shop.suspended.default", said());
  book.hear(`own.shop.suspended.default.${encoded}`, said({ site }));
  assert.equal(book.of(policy)?.site, undefined);
  assert.equal(book.of(policy, site)?.site, site);
  assert.equal(book.of(policy, "mx.other.example" as SiteLabel), undefined);
  assert.equal(book.of("shop/other" as PolicyName), undefined);
  book.hear("own.shop.suspended.default", undefined);
  assert.equal(book.of(policy), undefined);
  assert.deepEqual(
    [...book.all()].map((one) => one.site),
    [site],
  );
  book.hear(`own.shop.suspended.default.${encoded}`, undefined);
  assert.deepEqual([book.of(policy, site), [...book.all()]], [undefined, []]);
});

test("a later record of the same takes the place of the one before", () => {
  const book = new SuspensionBook();
  for (const reason of ["first", "second"]) book.hear("own.shop.suspended.default", said({ reason }));
  assert.equal(book.of(policy)?.reason, "second");
  assert.equal([...book.all()].length, 1);
});

test("a record that names something else than its subject does is not believed, and ends what stood there", () => {
  const book = new SuspensionBook();
  book.hear("own.shop.suspended.default", said());
  book.hear("own.shop.suspended.default", said({ policy: "bank/default" as PolicyName }));
  assert.deepEqual([book.of("bank/default" as PolicyName), book.of(policy)], [undefined, undefined]);
});
