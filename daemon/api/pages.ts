/** Paths of the console's pages: what the server knows as there, and the pages themselves are found by. */
const pagePaths = [
  "/",
  "/queue",
  "/message",
  "/domains",
  "/mailboxes",
  "/sites",
  "/policies",
  "/webhooks",
] as const;
export type PagePath = (typeof pagePaths)[number];

export const isPagePath = (path: string): path is PagePath => (pagePaths as readonly string[]).includes(path);
