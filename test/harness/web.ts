/**
 * Questions to a web server on a connection of their own. One that is kept may be closed by the server, which has waited long
 * enough, just when the next question is on its way: on a busy machine that is no rare case.
 */
export function fetchAnew(url: string | URL, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("connection", "close");
  return fetch(url, { ...init, headers });
}
