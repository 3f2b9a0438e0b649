/** The rules of webhooks, which a MailDomain and a RelayPolicy share. */
import type { RuleCase, Spec } from "./case.ts";

const hooked = (url: string) => ({ webhooks: [{ name: "crm", secretRef: { name: "hooks" }, url }] });
const goodHook = hooked("https://hooks.example.org:8443/mail?token=a@b");
export const hookCases = (
  kind: "MailDomain" | "RelayPolicy",
  spec: (more: Spec) => Spec,
): readonly RuleCase[] => [
  {
    kind,
    says: "url must begin with https://",
    at: "webhooks[0].url",
    broken: spec(hooked("http://hooks.example.org/mail")),
    kept: spec(hooked("http://127.0.0.1:9000/mail")),
  },
  {
    kind,
    says: "url must hold neither a password nor a fragment",
    at: "webhooks[0].url",
    broken: spec(hooked("https://user:secret@hooks.example.org/")),
    kept: spec(goodHook),
  },
];
