/**
 * How long a client of our HTTP servers may take: for its header, and for a whole request.
 *
 * Node looks for those who are late every half minute unless it is told otherwise, so that a header of "5 s" could take 35.
 */
export const httpPatience = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
} as const;
