"""Reads DSN files with Python's email package and prints, as JSON, what a mail program sees in each.

Usage: structure.py FILE...
"""

import email
import email.policy
import json
import sys


def defects(message):
    found = [type(d).__name__ for d in message.defects]
    for part in message.iter_parts() if message.is_multipart() and message.get_content_maintype() == "multipart" else []:
        found += defects(part)
    return found


def groups(part):
    """The field groups of a (global-)delivery-status part."""
    raw = part.as_bytes(policy=email.policy.SMTPUTF8.clone(max_line_length=0))
    body = raw.split(b"\r\n\r\n", 1)[1]
    blocks = [b for b in body.split(b"\r\n\r\n") if b.strip()]
    parsed = [email.message_from_bytes(b + b"\r\n\r\n", policy=email.policy.compat32) for b in blocks]
    return [[[name.lower(), " ".join(str(value).split())] for name, value in p.items()] for p in parsed]


def view(path):
    with open(path, "rb") as f:
        octets = f.read()
    message = email.message_from_bytes(octets, policy=email.policy.SMTPUTF8)
    parts = list(message.iter_parts())
    return {
        "type": message.get_content_type(),
        "reportType": message.get_param("report-type"),
        "fields": [name for name in message.keys()],
        "parts": [p.get_content_type() for p in parts],
        "defects": defects(message),
        "text": parts[0].get_content(),
        "groups": groups(parts[1]),
        "to": str(message["to"]),
    }


print(json.dumps({path: view(path) for path in sys.argv[1:]}))
