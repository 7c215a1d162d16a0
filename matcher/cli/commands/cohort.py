"""`matcher cohort`: the people a list is tested on."""

from datetime import datetime
from typing import Any

import rich_click as click

from matcher.cli.common import DAY, Call, agreed, leaf
from matcher.cli.loading import load_options, run_load
from matcher.cli.output import table


@click.group("cohort")
def command() -> None:
    """Create, load, show and erase cohorts: consenting people known not to be listed."""


@command.command("create")
@click.argument("name")
@click.option("--source", required=True, help="Where these people come from.")
@click.option("--legal-basis", required=True, help="The consent or law that allows testing on them.")
@click.option("--expires", type=DAY, required=True, help="The last day they may be used (UTC), YYYY-MM-DD.")
@click.option("--consent-ref", default="", help="Where the consents are filed.")
@click.option(
    "--label-method", type=click.Choice(["self", "annotated", ""]), default="", help="Who declared the groups."
)
@click.option("--captured", default="", help="When and with what the pictures were taken.")
@click.option("--uses", default="test", help="Comma-separated: test, train-reviewers.")
@leaf
def create(call: Call, name: str, **terms: Any) -> None:
    """Create an empty cohort.

    Example: `matcher cohort create staff --source "volunteers of the unit" --legal-basis consent --expires 2027-06-30
    --user boss`
    """
    from matcher.domain.cohort import CohortTerms
    from matcher.errors import UsageError
    from matcher.services.collections import create_cohort

    expires: datetime = terms.pop("expires")
    uses = tuple(use.strip() for use in terms.pop("uses").split(",") if use.strip())
    if not set(uses) <= {"test", "train-reviewers"}:
        raise UsageError("--uses takes test and train-reviewers, separated by commas")
    created = create_cohort(call.session, name, CohortTerms(expires=expires.date(), uses=uses, **terms))
    call.output.result({"name": created.name}, f"cohort {created.name} is empty; next: matcher cohort load")


@command.command("load")
@click.argument("name")
@load_options
@leaf
def load(call: Call, name: str, **given: Any) -> None:
    """Load people from a manifest (every further column declares a group), a folder, or embeddings.

    Interrupted or killed, it goes on when the same command runs again, for seven days; --restart begins anew.

    Example: `matcher cohort load staff staff.csv --user boss`
    """
    run_load(call, "cohort", name, given)


@command.command("show")
@click.argument("name")
@click.option("--pairs", metavar="LIST", help="For admins: people who look like one person, by the report of LIST.")
@leaf
def show(call: Call, name: str, pairs: str | None) -> None:
    """Show one cohort.

    Example: `matcher cohort show staff`
    """
    from matcher.services.collections import find_cohort

    if pairs is not None:
        from matcher.cli.handles_output import print_cohort_pairs
        from matcher.services.handles import known_cohort_pairs

        print_cohort_pairs(call.output, known_cohort_pairs(call.session, name, pairs))
        return
    with call.program.place.work(write=False) as work:
        facts = _facts(find_cohort(work, name))
    width = max(len(key) for key in facts)
    text = "\n".join(f"{key.replace('_', ' '):<{width}}  {value}" for key, value in facts.items() if value is not None)
    call.output.result(facts, text)


@command.command("list")
@leaf
def list_cohorts(call: Call) -> None:
    """List all cohorts.

    Example: `matcher cohort list`
    """
    with call.program.place.work(write=False) as work:
        facts = [_facts(cohort) for cohort in work.cohorts.all()]
    keys = ("name", "people", "templates", "rejected", "source", "expires")
    rows = [[fact[key] if fact[key] is not None else "" for key in keys] for fact in facts]
    call.output.result({"cohorts": facts}, table(keys, rows))


@command.command("erase")
@click.argument("name", required=False)
@click.option("--subject", "subjects", multiple=True, metavar="SUBJECT_ID", help="Whom; may be given again.")
@click.option("--expired", is_flag=True, help="Cohorts whose last day is over, as a whole.")
@click.option("--yes", is_flag=True, help='Skip "are you sure?".')
@leaf
def erase(call: Call, name: str | None, subjects: tuple[str, ...], expired: bool, yes: bool) -> None:
    """Erase people from every revision of a cohort and the known-answer items that show them; or cohorts that expired.

    Reports stay: what was counted was counted. They cannot be replayed any more.

    Example: `matcher cohort erase staff --subject C-0042 --yes --user boss`
    """
    from matcher.cli.erasure_output import print_erased, print_expired
    from matcher.errors import UsageError
    from matcher.services.erase import erase_people
    from matcher.services.expire import erase_expired_cohorts

    if expired == bool(subjects) or (name is None and not expired):
        raise UsageError("say who is erased: NAME and --subject SUBJECT_ID, or --expired")
    if expired:
        agreed("Erase what is over, for good?", yes)
        print_expired(call.output, erase_expired_cohorts(call.session, name), "cohort")
        return
    agreed(f"Erase {len(subjects)} people from cohort {name}, for good?", yes)
    print_erased(call.output, erase_people(call.session, str(name), subjects), "cohort")


def _facts(cohort: Any) -> dict[str, object]:
    revision = cohort.latest
    return {
        "name": cohort.name,
        "source": cohort.terms.source,
        "legal_basis": cohort.terms.legal_basis,
        "expires": cohort.terms.expires.isoformat(),
        "consent_ref": cohort.terms.consent_ref or None,
        "label_method": cohort.terms.label_method or None,
        "captured": cohort.terms.captured or None,
        "uses": list(cohort.terms.uses),
        "people": None if revision is None else revision.subjects,
        "templates": None if revision is None else revision.templates,
        "rejected": None if revision is None else revision.rejected,
        "digest": None if revision is None else revision.digest,
        "model": None if revision is None else revision.model.text(),
    }
