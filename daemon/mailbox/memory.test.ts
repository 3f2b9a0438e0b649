import { mailboxContract } from "../../test/contract/mailbox.ts";
import { systemClock } from "../kit/clock.ts";
import { MemoryMailboxStore } from "./memory.ts";

mailboxContract("memory", async () => new MemoryMailboxStore(systemClock));
