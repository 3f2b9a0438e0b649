/**
 * What sessions tell of each command once it is answered: for the figures of a protocol, whichever it is.
 *
 * `command` is one of the names that the protocol has, or `unknown`; so what is counted by it stays small. `refused`: the
 * command was understood and not done. `wrong`: it was none.
 */
export type Spoken = (command: string, how: "done" | "refused" | "wrong", ms: number) => void;
