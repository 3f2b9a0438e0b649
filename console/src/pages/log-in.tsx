/** The way in: a token. */
import { useState } from "preact/hooks";
import { logIn } from "../api.ts";
import { useOrder } from "../hooks.ts";
import { Field, Problem } from "../parts/basics.tsx";

export function LogIn() {
  const [token, setToken] = useState("");
  const { busy, said, run } = useOrder();
  return (
    <main class="login">
      <h1>Postfleet</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void run(async () => {
            await logIn(token.trim());
            return "";
          });
        }}
      >
        <Field name="token" label="Token" isSecret value={token} onInput={setToken} />
        <button type="submit" class="main" disabled={busy || token.trim() === ""}>
          Log in
        </button>
      </form>
      <Problem words={said?.kind === "failed" ? said.words : undefined} />
      <p>
        On your own machine it lies in the data folder, in <code>console.token</code>; the daemon prints where
        when it starts.
      </p>
    </main>
  );
}
