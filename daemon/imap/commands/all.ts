/** Every command by its name. */
import type { Commands } from "../talk.ts";
import { append } from "./append.ts";
import { copying } from "./copy.ts";
import { removing } from "./expunge.ts";
import { fetching } from "./fetch.ts";
import { folders } from "./folders.ts";
import { general } from "./general.ts";
import { idle } from "./idle.ts";
import { listing } from "./list.ts";
import { login } from "./login.ts";
import { quotas } from "./quota.ts";
import { searching } from "./search.ts";
import { selecting } from "./select.ts";
import { status } from "./status.ts";
import { storing } from "./store.ts";

export const commands: Commands = {
  ...general,
  ...login,
  ...selecting,
  ...folders,
  ...listing,
  ...status,
  ...append,
  ...fetching,
  ...storing,
  ...copying,
  ...removing,
  ...searching,
  ...idle,
  ...quotas,
};
