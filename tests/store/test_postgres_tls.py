"""PostgreSQL over TLS, by a real server with a certificate: used with the right authority and name, else refused."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from matcher.errors import Refused, StorageFailed
from matcher.store.address import parse_address
from matcher.store.postgres import create_database, describe
from tests import databases

NAME = "localhost"


@dataclass(frozen=True)
class Authority:
    """Signs certificates of servers."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def file(self, folder: Path, name: str) -> Path:
        path = folder / name
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path


def certificate(name: str, key: ec.EllipticCurvePrivateKey, by: Authority | None) -> x509.Certificate:
    """Of a server; without `by` of an authority."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    if by is not None:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return made.sign(key if by is None else by.key, hashes.SHA256())


def authority(name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    return Authority(key, certificate(name, key, None))


@dataclass(frozen=True)
class Served:
    """A server that takes TLS alone, and who signed its certificate."""

    port: int
    ours: Path
    strangers: Path

    def address(self, mode: str, root: Path, host: str = NAME) -> str:
        return f"postgresql+psycopg://{databases.OWNER}@{host}:{self.port}/postgres?sslmode={mode}&sslrootcert={quote(str(root))}"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    if (reason := databases.why_none()) is not None:
        pytest.skip(reason)
    base = databases.server()
    folder = Path(tempfile.mkdtemp(prefix="matcher-pg-tls-", dir=base.folder))
    own = databases.Server(folder, base.run_as, base.binaries)
    ours, strangers, key = authority("ours"), authority("strangers"), ec.generate_private_key(ec.SECP256R1())
    (folder / "server.crt").write_bytes(certificate(NAME, key, ours).public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.key").write_bytes(private)
    (folder / "server.key").chmod(0o600)
    if own.run_as is not None:
        for path in (folder, folder / "server.crt", folder / "server.key"):
            shutil.chown(path, own.run_as)
    databases.run(
        [
            own.binaries / "initdb",
            "-U",
            databases.OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
            "-D",
            folder / "data",
        ],
        own.run_as,
    )
    (folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\nhostssl all all ::1/128 trust\n")
    port = free_port()
    tls = f"-c ssl=on -c ssl_cert_file={folder}/server.crt -c ssl_key_file={folder}/server.key"
    own.control("-o", f"-k {folder} -p {port} -c listen_addresses=localhost {tls}", "start")
    try:
        yield Served(port, ours.file(folder, "ours.pem"), strangers.file(folder, "strangers.pem"))
    finally:
        own.control("-m", "fast", "stop")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
def test_the_right_authority_and_name_are_let_in_over_tls(served: Served, mode: str) -> None:
    engine = create_database(parse_address(served.address(mode, served.ours)))
    try:
        assert "TLS" in describe(engine)
    finally:
        engine.dispose()
        with_everything_gone(served)


def with_everything_gone(served: Served) -> None:
    import psycopg

    where = {"host": NAME, "port": served.port, "user": databases.OWNER, "dbname": "postgres", "sslmode": "require"}
    with psycopg.connect(**where, autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("DROP SCHEMA matcher CASCADE")


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
def test_a_strangers_authority_is_refused(served: Served, mode: str) -> None:
    with pytest.raises(StorageFailed, match="TLS with it did not come about"):
        create_database(parse_address(served.address(mode, served.strangers)))


def test_a_certificate_of_another_name_is_refused(served: Served) -> None:
    with pytest.raises(StorageFailed, match="TLS with it did not come about"):
        create_database(parse_address(served.address("verify-full", served.ours, "127.0.0.1")))


def test_no_tls_is_refused_by_such_a_server(served: Served) -> None:
    with pytest.raises(Refused, match="without TLS"):
        create_database(
            parse_address(f"postgresql+psycopg://{databases.OWNER}@{NAME}:{served.port}/postgres?sslmode=disable")
        )
