/** The frame around every page: who is logged in, where one can go. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isPagePath, type PagePath } from "../../daemon/api/pages.ts";
import { keepSession, onLogin, session } from "./api.ts";
import { type Place, useApi, usePlace } from "./hooks.ts";
import { Domains } from "./pages/domains.tsx";
import { LogIn } from "./pages/log-in.tsx";
import { Mailboxes } from "./pages/mailboxes.tsx";
import { Message } from "./pages/message.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { Policies } from "./pages/policies.tsx";
import { Queue } from "./pages/queue.tsx";
import { Sites } from "./pages/sites.tsx";
import { Webhooks } from "./pages/webhooks.tsx";
import { Link } from "./parts/basics.tsx";

export interface Me {
  readonly name: string;
  readonly role: "viewer" | "operator";
  readonly version: string;
}

export interface PageProps {
  readonly place: Place;
  /** May order, and read headers. */
  readonly steers: boolean;
}

const pages: Readonly<Record<PagePath, readonly [title: string, page: (props: PageProps) => JSX.Element]>> = {
  "/": ["Overview", OverviewPage],
  "/queue": ["Queue", Queue],
  "/message": ["Message", Message],
  "/domains": ["Domains", Domains],
  "/mailboxes": ["Mailboxes", Mailboxes],
  "/sites": ["Sites", Sites],
  "/policies": ["Policies", Policies],
  "/webhooks": ["Webhooks", Webhooks],
};

export function App({ problem }: { readonly problem: string | undefined }) {
  const [known, setKnown] = useState(session());
  useEffect(() => onLogin(() => setKnown(session())), []);
  return known === null ? <LogIn problem={problem} /> : <Frame key={known} />;
}

function Frame() {
  const place = usePlace();
  const { data: me } = useApi<Me>("/session");
  const [title, Page] = isPagePath(place.path) ? pages[place.path] : (["Not found", NotFound] as const);
  const main = useRef<HTMLElement>(null);
  const before = useRef(place.path);
  useEffect(() => {
    document.title = `${title} · Postfleet`;
    // Who moves by keyboard or listens is taken to what is new.
    if (before.current !== place.path) main.current?.focus();
    before.current = place.path;
  }, [title, place.path]);
  return (
    <>
      <a class="skip" href="#main">
        To the page
      </a>
      <header>
        <strong>Postfleet</strong>
        <nav aria-label="Pages">
          {Object.entries(pages).map(([path, [name]]) => (
            <Link key={path} to={path} current={path === place.path}>
              {name}
            </Link>
          ))}
        </nav>
        <div class="me">
          {me ? <span title={`Postfleet ${me.version}`}>{me.role}</span> : null}
          <button type="button" class="small" onClick={() => keepSession(undefined)}>
            Log out
          </button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <h1>{title}</h1>
        <Page place={place} steers={me?.role === "operator"} />
      </main>
    </>
  );
}

const NotFound = () => (
  <p>
    There is no such page. <Link to="/">The overview</Link> is here.
  </p>
);
