import { queueContract } from "../../test/contract/queue.ts";
import { systemClock } from "../kit/clock.ts";
import { MemoryQueue } from "./memory.ts";

queueContract("memory", async () => new MemoryQueue(systemClock));
