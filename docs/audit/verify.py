"""Verifies an audit export without the program that wrote it, as README.md says: `verify.py EXPORT [CHECKPOINT ...]`.

Needs Python 3.11 and `cryptography`. EXPORT: folder or .zip of `matcher audit export`; CHECKPOINT: one that you kept.
"""

import json
import math
import sys
import zipfile
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NO_ANCHOR = "No checkpoint from elsewhere was compared: whoever holds that machine could have rewritten everything."


def require(holds, otherwise):
    if not holds:
        sys.exit(f"FAILED: {otherwise}")


def signed_by(key, signature, message, what):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        require(False, f"the signature under {what} does not verify")


def node(left, right):
    return sha256(b"\1" + left + right).digest()  # RFC 6962: a tree over the hashes of the entries


def read_log(rows):
    """Checks the hash chain; gives the root of the tree at every size, the entries that matter later, and the keys."""
    roots, peaks, acts, log_keys, people, last, time = [b""], [], {}, {}, {}, "0" * 64, ""
    for number, row in enumerate(rows, 1):
        stated, details = row.pop("hash"), json.loads(row["details"])
        require(row["sequence"] == number and row["previous"] == last, f"entry {number} is not what comes next")
        require(sha256(canonical(row).encode()).hexdigest() == stated, f"the hash of entry {number} is another")
        require(row["time"] >= time and canonical(details) == row["details"], f"entry {number} is not in its form")
        peak, size, last, time = sha256(b"\0" + bytes.fromhex(stated)).digest(), number - 1, stated, row["time"]
        while size & 1:
            peak, size = node(peaks.pop(), peak), size >> 1
        peaks.append(peak)
        for left in reversed(peaks[:-1]):
            peak = node(left, peak)
        roots.append(peak)
        if row["action"] == "log.keyed":
            log_keys[number] = bytes.fromhex(details["key"])
        elif row["action"] in ("user.added", "user.recovered"):
            require(details["user"] not in people, f"entry {number} gives {details['user']} another key")
            people[details["user"]] = bytes.fromhex(details["key"])
        elif row["action"] in ("list.searched", "alert.judged") or "lease_until" in details:  # a search, a signed act
            acts[number] = (row["action"], row["actor"], details, bytes.fromhex(stated))
    return roots, acts, log_keys, people


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def check_checkpoint(note, roots, log_keys):
    """A C2SP tlog-checkpoint (origin, size, root) as a C2SP signed note; gives origin and size."""
    text, _, signatures = note.rpartition("\n\n")
    origin, size, root = text.split("\n")
    require(int(size) < len(roots), f"the log was cut or rolled back: a checkpoint is of {size} entries")
    require(b64decode(root) == roots[int(size)], f"the log was rewritten: its first {size} entries are others")
    named = {sha256(origin.encode() + b"\n\1" + k).digest()[:4]: k for at, k in log_keys.items() if at <= int(size)}
    blobs = [b64decode(line.split(" ")[2]) for line in signatures.splitlines() if line.split(" ")[1] == origin]
    known = [blob for blob in blobs if blob[:4] in named]
    require(known, f"the checkpoint of {size} entries is signed by no key that the log names")
    signed_by(named[known[0][:4]], known[0][4:], f"{text}\n".encode(), f"the checkpoint of {size} entries")
    return origin, int(size)


def check_use(use, roots, acts):
    """It says what its entry says, which its own proof (RFC 9162, 2.1.3.2) puts where it stands; gives the entry."""
    _, actor, details, leaf = acts.get(use["entry"], ("", "", {}, b""))
    matched = use["art_12_3_c"] or {"alert": None, "sha256": None, "candidates": 0}
    told = use["art_12_3_b"] | {"case": use["case"], "reason": use["reason"], "candidates": matched["candidates"]}
    told |= {"alert": matched["alert"], "fingerprint": matched["sha256"], "began": use["art_12_3_a"]["start"]}
    same = all(details.get(name) == value for name, value in told.items()) and actor == use["submitted_by"]
    require(same, f"the use {use['entry']} is not what is logged")
    place, last, value = use["entry"] - 1, len(roots) - 2, sha256(b"\0" + leaf).digest()
    for step in map(bytes.fromhex, use["inclusion_proof"]):
        alone = place & 1 or place == last
        value = node(step, value) if alone else node(value, step)
        while alone and place and not place & 1:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    require(last == 0 and value == roots[-1], f"the proof of the use {use['entry']}")
    return use["entry"]


def at_most(k, n, p):  # P(X <= k) of a binomial
    ways = (math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(k + 1))
    return math.fsum(math.exp(way + i * math.log(p) + (n - i) * math.log1p(-p)) for i, way in enumerate(ways))


def upper(k, n, delta):
    """The p of P(X <= k) = delta (Clopper and Pearson, 1934); of k - 1 and 1 - delta it is the lower bound of k."""
    low, high = 0.0, 1.0
    while k < n and high - low > 1e-13:
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(k, n, middle) > delta else (low, middle)
    return high


def recount(report):
    """Counts every cell of a certified report again from its scores; gives the threshold that follows from them."""
    alpha, j, tau, cells, rises = report["verdict"]["alpha"], report["attempt"]["j"], report["threshold"]["tau"], [], []
    delta = report["verdict"]["delta"] * (1 if j == 1 else 6 / (math.pi * j) ** 2)
    for group in report["groups"]:
        name = json.dumps(group["key"], sort_keys=True) if group["key"] else "all"
        scores, spare = sorted(report["non_mated_maxima"][name]), -1  # spare: false alarms that still certify alpha
        while spare + 1 < len(scores) and at_most(spare + 1, len(scores), alpha) <= delta:
            spare += 1
        gating = spare >= 0 if group["level"] == "intersection" else group["level"] != "undeclared"
        cells.append((name, scores, spare, gating, group["fpir"]))
        rises += [min(10**6, (scores[-1 - spare] // 100 + 1) * 100)] if gating and spare >= 0 else []
    require(report["threshold"]["origin"] == "verify" or tau == max(rises, default=-1), "the threshold does not follow")
    for name, scores, spare, gating, said in cells:
        n, k = len(scores), sum(score >= tau for score in scores)
        require((said["k"], said["n"]) == (k, n) and (k <= spare or not gating), f"{k} of {n} in {name}")
        again = n and [k / n, upper(k - 1, n, 0.975), upper(k, n, 0.025), upper(k, n, 0.05)]
        near = n == 0 or all(map(close, again, [said["rate"], *said["cp95"], said["upper95"]]))
        require(near and (n == 0 or upper(k - 1, n, 0.95) <= alpha), f"the bounds of {name}")
    return tau


def engine_of(report):
    """The approximate engine of a report, no decision of which may differ from the exact one's; "" is the exact one."""
    engine = report.get("engine") or {"factory": "", "structure": "", "cells": []}
    cells, groups = ([(one["key"], one["level"]) for one in part] for part in (engine["cells"], report["groups"]))
    same = all(cell[part]["k"] == 0 for cell in engine["cells"] for part in ("non_mated", "mated"))
    require(same and cells == (groups if engine["factory"] else []), "an engine was not shown to be as the exact one")
    return f"{engine['factory']} {engine['structure']}".strip()


def close(one, other):
    return math.isclose(one, other, rel_tol=1e-8, abs_tol=1e-11)


def rows(file):
    with file.open("r", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def main(export, *kept):
    folder = zipfile.Path(export) if export.endswith(".zip") else Path(export)
    roots, acts, log_keys, people = read_log(rows(folder / "log.jsonl"))
    checked = [check_checkpoint(one["note"], roots, log_keys) for one in rows(folder / "checkpoints.jsonl")]
    require(checked and checked[-1][1] == len(roots) - 1, "no checkpoint is of the whole log")
    anchors = [check_checkpoint(Path(file).read_text("utf-8"), roots, log_keys) for file in kept]
    require(len({origin for origin, _ in checked + anchors}) == 1, "a checkpoint is of another home's log")
    seen, signed = [check_use(use, roots, acts) for use in rows(folder / "uses.jsonl")], set()
    require(seen == [at for at, act in acts.items() if act[0] == "list.searched"], "a use is missing or told twice")
    for one in [*rows(folder / "certificates.jsonl"), *rows(folder / "judgements.jsonl")]:
        terms, message, signature = json.loads(one["signed"].split("\n")[1]), one["signed"].encode(), one["signature"]
        person, binding = terms.get("approver") or terms["reviewer"], terms.get("binding")
        require(person in people, f"the log does not know {person}, who signed")
        signed_by(people[person], bytes.fromhex(signature), message, f"what {person} signed")
        signed.add((person, sha256(message + (bytes.fromhex(signature) if binding else b"")).hexdigest()))
        if binding:
            body = (folder / f"report-{binding['report_digest']}.json").read_bytes()
            require(sha256(body).hexdigest() == binding["report_digest"], "a report is another than was certified")
            report, engine = json.loads(body), binding.get("engine", "")
            above = binding["threshold"] - recount(report)
            require(above == 0 or (above > 0 and not engine), "a certificate is not at its report's threshold")
            require(engine_of(report) == engine, "a certificate is for another engine than was tested")
    done = [(actor, facts) for action, actor, facts, _ in acts.values() if action != "list.searched"]
    due = {(actor, facts.get("certificate") or facts["digest"]) for actor, facts in done}
    require(signed == due, "what was signed is not what is logged")
    print(f"All holds: {len(roots) - 1} entries, {len(checked)} checkpoints, {len(seen)} uses, {len(signed)} acts.")
    then = f"The first {max((size for _, size in anchors), default=0)} entries are those of a checkpoint that you kept."
    print(then if kept else NO_ANCHOR)


if __name__ == "__main__":
    main(*sys.argv[1:]) if sys.argv[1:] else sys.exit(__doc__)
