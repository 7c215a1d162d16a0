"""Certificates: signed terms, checked again whenever they are read."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Row, insert, select

from matcher.domain.certificate import Certificate, CertificateTerms
from matcher.errors import IntegrityError
from matcher.store.failures import well_formed
from matcher.store.log import canonical_json
from matcher.store.schema import certificates, users
from matcher.store.transaction import Transaction


class SqlCertificates:
    """The certificates that lists were ever activated with."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def keep(self, certificate: Certificate) -> str:
        """Adds a certificate unless it is there, and returns its digest.

        Raises Refused for a loader, when the key is not the approver's, or when its report is missing.
        """
        digest = certificate.digest()
        terms = certificate.terms
        if self._transaction.row(select(certificates.c.digest).where(certificates.c.digest == digest)) is None:
            row = {
                "digest": digest,
                "list_id": terms.list_id,
                "revision_id": terms.revision_id,
                "report_digest": terms.binding.report_digest,
                "approver": terms.approver,
                "approver_key": certificate.approver_key,
                "terms": canonical_json(terms.facts()),
                "signature": certificate.signature,
            }
            self._transaction.run(insert(certificates), row)
        return digest

    def get(self, digest: str) -> Certificate:
        """The certificate of that digest.

        Raises IntegrityError when it is gone, does not verify, or is not signed with the key its approver has here.
        """
        query = select(certificates, users.c.public_key).join(users, certificates.c.approver == users.c.name)
        row = self._transaction.row(query.where(certificates.c.digest == digest))
        if row is None:
            raise IntegrityError("the certificate of a list is gone: restore a backup")
        certificate = _certificate(row)
        if certificate.approver_key != row.public_key or certificate.terms.approver != row.approver:
            raise IntegrityError("a certificate was not signed by its approver: do not search")
        terms = certificate.terms
        said = (row.digest, row.list_id, row.revision_id, row.report_digest)
        # The row was found by an index, which a damaged page may contradict.
        if said != (certificate.digest(), terms.list_id, terms.revision_id, terms.binding.report_digest):
            raise IntegrityError("the row of a certificate says something else than was signed: do not search")
        if certificate.digest() != digest:
            raise IntegrityError("a certificate is not the one that the list was activated with: do not search")
        return certificate

    def all(self) -> Iterator[Certificate]:
        """Every certificate that was ever signed, in the order of signing. Raises IntegrityError."""
        rows = self._transaction.rows(select(certificates))
        return iter(sorted((_certificate(row) for row in rows), key=lambda one: (one.terms.issued_at, one.digest())))


def _certificate(row: Row[Any]) -> Certificate:
    with well_formed("a certificate"):
        terms = msgspec.json.decode(row.terms, type=CertificateTerms)
        if canonical_json(terms.facts()) != row.terms:
            raise ValueError("terms are not canonical")
        return Certificate(terms, row.signature, row.approver_key)
