"""What was erased, on stdout."""

from typing import TYPE_CHECKING, Any

from matcher.cli.output import Output

if TYPE_CHECKING:
    from matcher.services.erase import Erased
    from matcher.services.expire import Expired


def print_erased(output: Output, done: "Erased", kind: str) -> None:
    """One erasure."""
    output.result(_value(done), "\n".join(_lines(done, kind)))


def print_expired(output: Output, done: "Expired", kind: str) -> None:
    """Everything that was over."""
    lines = [line for one in done.erased for line in _lines(one, kind)]
    lines += [
        f"list {name} is over and {count} alerts of it wait for reviewers: nothing of it was erased; have them judged, "
        "or give --close-waiting"
        for name, count in done.waiting
    ]
    value = {
        "erased": [_value(one) for one in done.erased],
        "waiting": [{"name": name, "alerts": count} for name, count in done.waiting],
    }
    output.result(value, "\n".join(lines) or "nothing is over")


def _value(done: "Erased") -> dict[str, Any]:
    revision = done.revision
    return {
        "name": done.name,
        "erasure": done.number,
        "subjects": done.subjects,
        "items": done.items,
        "revisions": done.revisions,
        "alerts_emptied": done.alerts,
        "alerts_closed": done.closed,
        "cases_to_submit_again": list(done.cases),
        "revision": None if revision is None else revision.number,
        "digest": None if revision is None else revision.digest,
        "out_of_service": done.out_of_service,
        "files_searched": done.sought.files,
        "samples_sought": done.sought.samples,
        "samples_found": done.sought.found,
    }


def _lines(done: "Erased", kind: str) -> list[str]:
    lines = [
        f"{kind} {done.name}: erased {done.subjects} subjects ({done.items} references) from {done.revisions} "
        f"revisions and {done.alerts} alerts (erasure {done.number})",
        f"{done.sought.samples} samples of it were sought in {done.sought.files} files: none is there",
    ]
    if done.closed:
        cases = ", ".join(done.cases)
        lines.append(f"{done.closed} alerts that waited were closed as inconclusive; their cases: {cases}")
    if done.out_of_service:
        lines.append(f"list {done.name} is out of service: calibrate it again, then an approver activates it")
    elif done.revision is not None and kind == "list":
        lines.append(f"revision {done.revision.number} holds the rest: calibrate it, then an approver activates it")
    return lines
