"""What an activation binds, and its check.

1. A certificate exists only with a valid Ed25519 signature of its approver over its terms.
2. The approver is none of the people who loaded what the revision holds.
3. It binds the digests of list, cohort, policy and report, the model identity, the threshold and the engine. A search
   with anything else than exactly these is refused (IntegrityError).
4. It ends with its lease, or when its report is 90 days old, whichever comes first.
5. A derived certificate is for a list from which people were removed since it was tested: it names the tested one too.
6. Where a cluster searches, it names the digest of each shard; another shard is refused.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from matcher.domain.engine import EXACT
from matcher.domain.ids import utc_time
from matcher.domain.template import Millionths
from matcher.errors import AnotherPersonNeeded, IntegrityError, NotSearchable

REPORT_LIFE = timedelta(days=90)
_CONTEXT = b"watchlist-matcher/certificate/v1\n"


@dataclass(frozen=True, slots=True)
class Binding:
    """The digests (sha256, hex), identity, threshold and engine (`engine.py`) that a certificate holds together."""

    list_digest: str
    model: str
    cohort_digest: str
    policy_digest: str
    report_digest: str
    threshold: Millionths
    engine: str = EXACT


@dataclass(frozen=True, slots=True)
class CertificateTerms:
    """Everything the approver signs.

    Times are RFC 3339 UTC text (`ids.utc_text`); `previous` is the digest of the certificate that this one renews,
    raises or derives from, or empty. `derived_from` is the digest of the list that the report tested where that is a
    larger one (`reduction.py`), or empty. `shards` are the digests of the shards that may answer on a cluster
    (`shards.py`), none where the list was activated for one machine.
    """

    list_id: str
    revision_id: str
    binding: Binding
    tier: str
    alpha: str
    subjects: int
    consequence: str
    consequence_number: int
    loaders: tuple[str, ...]
    approver: str
    issued_at: str
    lease_until: str
    report_made_at: str
    previous: str
    derived_from: str = ""
    shards: tuple[str, ...] = ()

    @property
    def tested_list(self) -> str:
        """The digest of the list that the report is about."""
        return self.derived_from or self.binding.list_digest

    def facts(self) -> dict[str, Any]:
        """What is signed and stored; `derived_from`, `shards` and the engine are in it only where there are any."""
        found = asdict(self)
        if self.binding.engine == EXACT:
            del found["binding"]["engine"]
        for part in ("derived_from", "shards"):
            if not found[part]:
                del found[part]
        return found

    def signed_bytes(self) -> bytes:
        """What the signature is over: a context line and canonical JSON."""
        return _CONTEXT + json.dumps(self.facts(), sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Certificate:
    """Signed terms. Cannot be built with a wrong signature or by one of the loaders."""

    terms: CertificateTerms
    signature: bytes
    approver_key: bytes

    def __post_init__(self) -> None:
        if self.terms.approver in self.terms.loaders:
            raise AnotherPersonNeeded("nobody who loaded a part of a revision can approve it: ask another approver")
        verify_signature(self.approver_key, self.signature, self.terms.signed_bytes(), "certificate")

    @property
    def threshold(self) -> Millionths:
        """The only threshold at which the list may be searched."""
        return self.terms.binding.threshold

    @property
    def ends_at(self) -> datetime:
        """The end of the lease or of the report's life, whichever comes first."""
        return min(utc_time(self.terms.lease_until), utc_time(self.terms.report_made_at) + REPORT_LIFE)

    def digest(self) -> str:
        """sha256 (hex) over terms and signature."""
        return hashlib.sha256(self.terms.signed_bytes() + self.signature).hexdigest()

    def check(self, loaded: Binding, now: datetime) -> None:
        """Passes only for exactly what was signed, and in time.

        Raises IntegrityError naming the first part of `loaded` that is another, NotSearchable after the end.
        """
        signed = asdict(self.terms.binding)
        for part, found in asdict(loaded).items():
            if signed[part] != found:
                raise IntegrityError(f"the certificate was signed for another {part.replace('_', ' ')}: do not search")
        if now >= self.ends_at:
            raise NotSearchable("the activation has lapsed: an approver must renew it (matcher watchlist renew)")

    def check_shards(self, answering: tuple[str, ...]) -> None:
        """Whoever answers is one machine, or exactly the signed shards. Raises NotSearchable, IntegrityError."""
        if not answering or answering == self.terms.shards:
            return
        if len(answering) != len(self.terms.shards):
            raise NotSearchable(
                f"the activation was signed for {len(self.terms.shards) or 'no'} shards and the cluster has "
                f"{len(answering)}: an approver renews it with the index that is to search (matcher watchlist renew)"
            )
        raise IntegrityError("a shard of the cluster was built from another revision: do not search")


def verify_signature(public_key: bytes, signature: bytes, message: bytes, what: str) -> None:
    """Ed25519 (RFC 8032). Raises IntegrityError when `signature` is not of `message` by `public_key`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise IntegrityError(f"the signature of a {what} does not verify") from None
