/** The console: logs in when the address brings a token or a provider's answer, and shows itself. */
import { render } from "preact";
import { comeBack, keepSession, logIn } from "./api.ts";
import { App } from "./app.tsx";
import "./style.css";

/** What was brought is taken out of the address before anything else sees it. Fails with words for the login page. */
async function enterByAddress(): Promise<string | undefined> {
  const token = location.hash.slice(1);
  const answer = new URLSearchParams(location.search);
  const isAnswer = answer.has("state") && (answer.has("code") || answer.has("error"));
  if (token === "" && !isAnswer) return undefined;
  history.replaceState(null, "", isAnswer ? "/" : `${location.pathname}${location.search}`);
  try {
    await (isAnswer ? comeBack(answer) : logIn(token));
    return undefined;
  } catch (error) {
    keepSession(undefined);
    return (error as Error).message;
  }
}

const root = document.getElementById("app");
if (root !== null) void enterByAddress().then((problem) => render(<App problem={problem} />, root));
