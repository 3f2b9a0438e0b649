/** The way in: a token, or a login at the OpenID provider. */
import { useState } from "preact/hooks";
import type { WaysInShape } from "../../../daemon/api/routes/session.ts";
import { type Door, goToProvider, logIn } from "../api.ts";
import { useApi, useOrder } from "../hooks.ts";
import { Field, Problem } from "../parts/basics.tsx";

export function LogIn({ problem }: { readonly problem: string | undefined }) {
  const { data: ways, error } = useApi<WaysInShape>("/session/ways");
  return (
    <main class="login">
      <h1>Postfleet</h1>
      <Problem words={problem ?? error} />
      {ways?.oidc ? <AtProvider door={ways.oidc} /> : null}
      {ways?.token ? <ByToken /> : null}
    </main>
  );
}

function AtProvider({ door }: { readonly door: Door }) {
  const { busy, run } = useOrder();
  const go = () =>
    void run(async () => {
      await goToProvider(door);
      return "";
    });
  return (
    <p>
      <button type="button" class="main" disabled={busy} onClick={go}>
        Log in at {new URL(door.authorize).host}
      </button>
    </p>
  );
}

function ByToken() {
  const [token, setToken] = useState("");
  const { busy, said, run } = useOrder();
  return (
    <>
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
        <p>
          <button type="submit" class="main" disabled={busy || token.trim() === ""}>
            Log in
          </button>
        </p>
      </form>
      <Problem words={said?.kind === "failed" ? said.words : undefined} />
      <p>
        On your own machine it lies in the data folder, in <code>console.token</code>; the daemon prints where
        when it starts. In a cluster, whoever installed Postfleet has it in a Secret.
      </p>
    </>
  );
}
