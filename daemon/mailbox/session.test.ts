import { sessionContract } from "../../test/contract/mailbox-session.ts";
import { systemClock } from "../kit/clock.ts";
import { MemoryMailboxStore } from "./memory.ts";

sessionContract("memory", async () => new MemoryMailboxStore(systemClock));
