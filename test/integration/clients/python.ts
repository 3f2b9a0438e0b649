/** Python's imaplib and poplib. */
import { run } from "../../harness/programs.ts";
import { password, type Target } from "./target.ts";

const imap = `
import imaplib, sys
m = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]
ok(m.login(sys.argv[2], sys.argv[3]))
ok(m.create('"Ordner &AOQ-"'))
assert any(b"Ordner &AOQ-" in line for line in ok(m.list())), m.list()
for i in range(3):
    ok(m.append("INBOX", "(\\\\Flagged)", None, b"Subject: p%d\\r\\nFrom: a@b.example\\r\\n\\r\\nhello w\\xc3\\xb6rld %d\\r\\n" % (i, i)))
assert ok(m.select("INBOX")) == [b"3"]
assert ok(m.search(None, "SUBJECT", "p1")) == [b"2"]
assert ok(m.uid("SEARCH", "BODY", "hello")) == [b"1 2 3"]
assert ok(m.sort("REVERSE SUBJECT", "UTF-8", "ALL")) == [b"3 2 1"]
assert ok(m.thread("REFERENCES", "UTF-8", "ALL")) == [b"(1)(2)(3)"]
assert b"hello" in ok(m.fetch("1", "(FLAGS BODY.PEEK[TEXT])"))[0][1]
assert ok(m.fetch("2", "(RFC822.SIZE)")) == [b"2 (RFC822.SIZE %d)" % len(b"Subject: p1\\r\\nFrom: a@b.example\\r\\n\\r\\nhello w\\xc3\\xb6rld 1\\r\\n")]
ok(m.store("1:2", "+FLAGS", "(\\\\Deleted)"))
ok(m.copy("3", '"Ordner &AOQ-"'))
assert sorted(ok(m.expunge())) in ([b"1", b"1"], [b"1", b"2"])
answer = ok(m.status("INBOX", "(MESSAGES UIDNEXT UNSEEN)"))[0]
assert answer.split(b" ", 1)[1] == b"(MESSAGES 1 UIDNEXT 4 UNSEEN 1)", answer
ok(m.rename('"Ordner &AOQ-"', '"Andere/Unter"'))
assert ok(m.status('"Andere/Unter"', "(MESSAGES)"))[0].endswith(b"(MESSAGES 1)")
ok(m.delete('"Andere/Unter"'))
assert m.select("missing")[0] == "NO"
ok(m.select("INBOX"))
ok(m.close())
m.logout()
`;

const pop = `
import imaplib, poplib, sys
m = imaplib.IMAP4("127.0.0.1", int(sys.argv[4]))
m.login(sys.argv[2], sys.argv[3])
texts = [b"Subject: a\\r\\n\\r\\n.dots\\r\\n..\\r\\n.\\r\\nend\\r\\n", b"Subject: b\\r\\n\\r\\n1\\r\\n2\\r\\n3\\r\\n"]
for text in texts: m.append("INBOX", None, None, text)
m.logout()
def login():
    box = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=60)
    box.user(sys.argv[2]); box.pass_(sys.argv[3])
    return box
box = login()
assert {"UIDL", "TOP", "PIPELINING", "RESP-CODES"} <= set(box.capa()), box.capa()
assert box.stat() == (2, sum(map(len, texts))), box.stat()
assert [line.split()[1] for line in box.list()[1]] == [b"%d" % len(text) for text in texts]
names = [line.split()[1] for line in box.uidl()[1]]
assert len(set(names)) == 2
assert b"\\r\\n".join(box.retr(1)[1]) + b"\\r\\n" == texts[0]
assert b"\\r\\n".join(box.top(2, 2)[1]) == b"Subject: b\\r\\n\\r\\n1\\r\\n2"
box.dele(2); assert box.stat()[0] == 1
box.rset(); assert box.stat()[0] == 2
box.dele(1); box.quit()
box = login()
assert [line.split()[1] for line in box.uidl()[1]] == names[1:]
box.dele(1); box.close()  # without QUIT nothing is deleted
for attempt in range(100):
    try:
        box = login(); break
    except poplib.error_proto: pass
assert box.stat()[0] == 1
box.quit()
`;

export async function imaplib(target: Target, user: string): Promise<void> {
  await run("python3", ["-c", imap, `${target.imap}`, user, password]);
}

export async function poplib(target: Target, user: string): Promise<void> {
  await run("python3", ["-c", pop, `${target.pop3}`, user, password, `${target.imap}`]);
}
