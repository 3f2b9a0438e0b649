/** The console: logs in when the address brings a token, and shows itself. */
import { render } from "preact";
import { keepSession, logIn } from "./api.ts";
import { App } from "./app.tsx";
import "./style.css";

/** `#TOKEN`, as the terminal printed it: taken out of the address before anything else sees it. */
async function enterByAddress(): Promise<void> {
  const token = location.hash.slice(1);
  if (token === "") return;
  history.replaceState(null, "", `${location.pathname}${location.search}`);
  await logIn(token).catch(() => keepSession(undefined));
}

const root = document.getElementById("app");
if (root !== null) void enterByAddress().then(() => render(<App />, root));
