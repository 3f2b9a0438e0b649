/**
 * Every CEL rule of the CRDs once broken and once kept. `crds/rules.test.ts` tries them with our own evaluation (and fails
 * when a rule is missing here), `test/kubernetes` with the API server's.
 */
import type { RuleCase } from "./rule-cases/case.ts";
import { mailDomainCases } from "./rule-cases/mail-domain.ts";
import { mailboxCases } from "./rule-cases/mailbox.ts";
import { relayPolicyCases } from "./rule-cases/relay-policy.ts";

export const ruleCases: readonly RuleCase[] = [...mailDomainCases, ...mailboxCases, ...relayPolicyCases];
